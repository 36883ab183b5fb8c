package runner

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/report"
)

// entries are what a directory holds; its chain must be whole.
func entries(t *testing.T, dir string) []evidence.Entry {
	t.Helper()
	l, err := evidence.Read(dir)
	require.NoError(t, err)
	require.Empty(t, l.Verify(nil))
	return l.Entries
}

// recorded runs testprom over a stream, with evidence, and gives back the newest entry.
func recorded(t *testing.T, dir string, stream []byte, args ...string) (exit int, newest evidence.Entry) {
	t.Helper()
	w, out, errs := world(bytes.NewReader(stream))
	exit = Main(append([]string{"-evidence", dir}, args...), w)
	all := entries(t, dir)
	require.NotEmpty(t, all, "%s%s", out, errs)
	return exit, all[len(all)-1]
}

// resultOf reads the test result of a run by in-toto's own types.
func resultOf(t *testing.T, run *evidence.Run) *testresult.TestResult {
	t.Helper()
	text, err := json.Marshal(run.TestResult)
	require.NoError(t, err)
	var s intoto.Statement
	require.NoError(t, protojson.Unmarshal(text, &s))
	require.NoError(t, s.Validate())
	assert.Equal(t, evidence.TestResultType, s.GetPredicateType())
	text, err = protojson.Marshal(s.GetPredicate())
	require.NoError(t, err)
	var result testresult.TestResult
	require.NoError(t, protojson.Unmarshal(text, &result))
	require.NotEmpty(t, result.GetConfiguration())
	for _, c := range result.GetConfiguration() {
		require.NoError(t, c.Validate())
	}
	return &result
}

// Every run adds one entry; a verdict has a test result, and no verdict has none.
func TestEvidence_OfEveryExitStatus(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for i, c := range []struct {
		stream string
		exit   int
		result string
		failed []string
	}{
		{"pass", 0, "PASSED", nil},
		{"restore-fails", 1, "FAILED", []string{"TestDrill/restore"}},
		{"wal-missing", 1, "FAILED", []string{"TestDrill/verify"}},
		{"killed", 2, "", nil},
		{"panic", 2, "", nil},
		{"build-error", 2, "", nil},
	} {
		report := filepath.Join(t.TempDir(), "report.json") // its own: the recordings are of many days
		exit, e := recorded(t, dir, stream(t, c.stream), "-report", report)
		require.NotNil(t, e.Run, c.stream)
		assert.Equal(t, c.exit, exit, c.stream)
		assert.Equal(t, exit, e.Run.Exit)
		assert.Equal(t, i+1, e.Seq)
		assert.Equal(t, evidence.RunType, e.Statement.PredicateType)
		text, err := os.ReadFile(report)
		require.NoError(t, err)
		assert.Equal(t, []evidence.Subject{evidence.Of("report.json", evidence.Digest(text))}, e.Statement.Subject)
		var d document
		require.NoError(t, json.Unmarshal(text, &d))
		assert.Equal(t, string(d.Reason), e.Run.Reason)
		assert.Len(t, e.Run.Steps, len(d.Steps))
		assert.Len(t, e.Run.Measurements, len(d.Values))
		if c.result == "" {
			assert.Nil(t, e.Run.TestResult, c.stream)
			continue
		}
		result := resultOf(t, e.Run)
		assert.Equal(t, c.result, result.GetResult())
		assert.Equal(t, c.failed, result.GetFailedTests(), c.stream)
	}
}

// What a drill publishes for it stands in the statement: the set's manifest among the subjects, scope, objectives and
// checks by outcome.
func TestEvidence_HoldsWhatTheRunPublished(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	var attributes bytes.Buffer
	for name, value := range map[string]string{
		"rto_budget_seconds": "1800", "rpo_budget_seconds": "120", "repo": "2", "target": "name:before",
		"manifest": "backup/demo/20261122-020003F/backup.manifest", "manifest_sha256": digest,
		"deep_passed": "files,amcheck", "deep_left_out": "page_checksums", "deep_not_asked": "unique_keys",
		"compare": "standby", "compared": "failed", "key_access": "readonly",
		"window_from": "2026-11-15T02:00:03Z", "backup_stopped": "2026-11-22T03:01:00+01:00", "recovered_to": "soon",
		"newest_set": "20261122-020003F_20261123-040002I",
	} {
		attributes.WriteString(`{"Action":"attr","Package":"example.org/recording/drill",` +
			`"Test":"TestDrill/preflight","Key":"label.` + name + `","Value":"` + value + `"}` + "\n")
	}
	exit, e := recorded(t, filepath.Join(t.TempDir(), "e"), between(passing(t), attributes.String()))
	require.Equal(t, 0, exit)
	assert.Equal(t, evidence.Of("backup/demo/20261122-020003F/backup.manifest", digest), e.Statement.Subject[1])
	assert.InDelta(t, 1800, *e.Run.Objectives.RTO, 0)
	assert.InDelta(t, 120, *e.Run.Objectives.RPO, 0)
	assert.Equal(t, evidence.Scope{
		Set: "20261122-020003F_20261123-020002D", SetType: "diff", Newest: "20261122-020003F_20261123-040002I",
		Repository: "2", Target: "name:before", Compare: "standby",
		WindowFrom: report.Moment("2026-11-15T02:00:03Z"), Stopped: report.Moment("2026-11-22T02:01:00Z"),
	}, e.Run.Scope)
	assert.Equal(t, evidence.Checks{
		Passed: []string{"files", "amcheck", "readonly"}, Failed: []string{"compare"},
		LeftOut: []string{"page_checksums"}, NotAsked: []string{"unique_keys"},
	}, e.Run.Checks)
	assert.Equal(t, "recording", e.Run.Trigger.Kind)
}

func TestChecksOf_WhatBecameOfAComparison(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		"[] [] [] []":            {},
		"[] [] [] [compare]":     {"compare": "none"},
		"[] [] [compare] []":     {"compare": "sets"}, // the run did not come to it
		"[compare] [] [] []":     {"compare": "sets", "compared": "passed"},
		"[] [readonly] [] []":    {"key_access": "writes"},
		"[] [] [readonly] []":    {"key_access": "unknown"},
		"[readonly] [] [] [a b]": {"key_access": "readonly", "deep_not_asked": "a,b"},
		"[a] [b] [c compare] [d e]": {
			"deep_passed": "a", "deep_failed": "b", "deep_left_out": "c", "deep_not_asked": "d,e",
			"compare": "standby", "compared": "left_out",
		},
	} {
		c := checksOf(labels, new(1.0))
		assert.Equal(t, want, fmt.Sprint(c.Passed, c.Failed, c.LeftOut, c.NotAsked))
	}
}

// What a comparison left out, a table that no superuser may read or one that changed all the time, was not compared.
func TestChecksOf_AComparisonOfAPartIsNone(t *testing.T) {
	labels := map[string]string{"compare": "standby", "compared": "passed"}
	for _, covered := range []*float64{nil, new(0.0), new(0.9999999)} {
		c := checksOf(labels, covered)
		assert.Empty(t, c.Passed)
		assert.Equal(t, []string{"compare"}, c.LeftOut)
	}
	assert.Equal(t, []string{"compare"}, checksOf(labels, new(1.0)).Passed)
	labels["compared"] = "failed"
	assert.Equal(t, []string{"compare"}, checksOf(labels, nil).Failed)
}

// A run that was ended from outside, and one that took too long, leave their entry too.
func TestEvidence_OfRunsThatWereEnded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "e")
	out, signals, exit := begin(t, "-evidence", dir, "--", "sh", "-c",
		`trap 'exit 1' INT; echo ready; while :; do sleep 0.05; done`)
	out.waitReady(t)
	signals <- syscall.SIGTERM
	assert.Equal(t, 2, <-exit)
	_, _, exit = begin(t, "-evidence", dir, "-limit", "50ms", "--", "sh", "-c", "sleep 60", "-rto=10m")
	assert.Equal(t, 2, <-exit)
	all := entries(t, dir)
	require.Len(t, all, 2)
	assert.Equal(t, "interrupted", all[0].Run.Reason)
	assert.Equal(t, "timeout", all[1].Run.Reason)
	assert.InDelta(t, 600, *all[1].Run.Objectives.RTO, 0)
	assert.InDelta(t, 120, *all[1].Run.Objectives.RPO, 0)
}

func TestEvidence_IsSigned(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "e"), filepath.Join(t.TempDir(), "key")
	public, err := evidence.MakeKey(key)
	require.NoError(t, err)
	for range 2 {
		exit, _ := recorded(t, dir, passing(t), "-sign-key", key)
		assert.Equal(t, 0, exit)
	}
	l, err := evidence.Read(dir)
	require.NoError(t, err)
	assert.Empty(t, l.Verify([]ed25519.PublicKey{public}))

	w, out, _ := world(bytes.NewReader(passing(t)))
	assert.Equal(t, 0, Main([]string{"-evidence", dir}, w))
	assert.Contains(t, out.String(), "the evidence from before is signed, and this entry is not")
}

// What is wrong with the evidence of before is told, and the run is recorded all the same.
func TestEvidence_SaysThatItIsBroken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "e")
	for range 3 {
		recorded(t, dir, passing(t))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "000002.dsse.json")))
	w, out, _ := world(bytes.NewReader(passing(t)))
	assert.Equal(t, 0, Main([]string{"-v", "-evidence", dir}, w))
	assert.Contains(t, out.String(), "broken: entry 2: its envelope 000002.dsse.json is gone")
	assert.FileExists(t, filepath.Join(dir, "000004.dsse.json"))
}

// Evidence that cannot be written is 2, with path and cause, whatever the verdict; what can be known before the run is
// said before it.
func TestEvidence_ThatCannotBeWritten(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	for want, args := range map[string][]string{
		"-evidence " + file:           {"-evidence", file},
		file + " holds no private":    {"-evidence", filepath.Join(root, "e"), "-sign-key", file},
		"-sign-key signs what":        {"-sign-key", file},
		"lies in the directory of -e": {"-evidence", root, "-report", filepath.Join(root, "report.json")},
		"-fleet adds nothing":         {"-fleet", root, "-evidence", root},
	} {
		w, out, errs := world(bytes.NewReader(passing(t)))
		assert.Equal(t, 2, Main(args, w), want)
		assert.Contains(t, errs.String(), want)
		assert.NotContains(t, out.String(), "PASSED")
	}
	dir := filepath.Join(root, "gone")
	w, out, errs := world(io.MultiReader(bytes.NewReader(passing(t)), readerFunc(func() { _ = os.RemoveAll(dir) })))
	assert.Equal(t, 2, Main([]string{"-evidence", dir}, w))
	assert.Contains(t, errs.String(), "write evidence to "+dir)
	assert.Contains(t, out.String(), "PASSED, BUT NOT WRITTEN DOWN")
}

func TestTrigger(t *testing.T) {
	for want, env := range map[string][]string{
		"ci https://git.example/jobs/7": {"CI=true", "CI_JOB_URL=https://git.example/jobs/7", "INVOCATION_ID=x"},
		"ci https://github.com/veza/db/actions/runs/9": {
			"CI=true", "GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=veza/db", "GITHUB_RUN_ID=9",
		},
		"ci https://jenkins/1": {"BUILD_URL=https://jenkins/1"},
		"recording ":           nil,
	} {
		r := &run{World: World{Env: env}}
		got := r.trigger()
		assert.Equal(t, want, got.Kind+" "+got.Name)
		assert.NotEmpty(t, got.Host)
	}
	systemd := (&run{World: World{Env: []string{"INVOCATION_ID=x", "SUDO_USER=ada"}}}).trigger()
	assert.Equal(t, "systemd", systemd.Kind)
	assert.Contains(t, systemd.User, "asked by ada")
	assert.Equal(t, "terminal", (&run{World: World{Terminal: true}}).trigger().Kind)
}
