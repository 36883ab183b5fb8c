package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// A drill of the repository as it was never passes for one of now: the textfile keeps what the last drill
// of now said, and the report says of when it was.
func TestRun_ThePastLeavesTheTextfile(t *testing.T) {
	said, last := leavesTheTextfile(t, "repo_target_time", "2026-08-18T03:59:30Z")
	assert.Contains(t, last.Sentence, "as it was at 2026-08-18T03:59:30Z")
	assert.Contains(t, said, "this was the repository of 2026-08-18T03:59:30Z")
}

// So does one of a cluster that production was moved from: it makes no red drill of the present one green.
func TestRun_AClusterThatWasLeftLeavesTheTextfile(t *testing.T) {
	said, last := leavesTheTextfile(t, "cluster_left", "PostgreSQL 15")
	assert.Contains(t, last.Sentence, "The backups of PostgreSQL 15, of the cluster before a stanza-upgrade, restore")
	assert.Contains(t, said, "the set is of PostgreSQL 15, of a cluster before a stanza-upgrade")
}

// The summary says which backups it is about, with -v and without, and of those of now nothing.
func TestFacts_OfThePastAndOfAClusterThatWasLeft(t *testing.T) {
	for label, want := range map[string]row{
		suite.PastLabel: {"repository as of", "x"}, suite.LeftLabel: {"cluster left", "x"}, "environment": {},
	} {
		res := &result{suite: suite.Drill}
		res.Labels = map[string]string{label: "x"}
		for _, rows := range [][]row{res.facts(""), res.measured()} {
			rows = slices.DeleteFunc(rows, func(r row) bool {
				return r.name != "repository as of" && r.name != "cluster left"
			})
			if want.name == "" {
				assert.Empty(t, rows)
			} else {
				assert.Equal(t, []row{want}, rows)
			}
		}
	}
}

// leavesTheTextfile runs a drill that passes with a label, and returns what it warned of and its report.
func leavesTheTextfile(t *testing.T, name, value string) (warnings string, last document) {
	t.Helper()
	dir := t.TempDir()
	label := fmt.Sprintf(`{"Action":"attr","Package":"example.org/recording/drill","Test":"TestDrill/preflight",`+
		`"Key":"label.%s","Value":%q}`, name, value)
	pass := strings.Split(string(passing(t)), "\n")
	at := 0
	for at < len(pass) && !strings.Contains(pass[at], "TestDrill/preflight") {
		at++
	}
	stream := strings.Join(append(append(append([]string{}, pass[:at+1]...), label), pass[at+1:]...), "\n")
	require.NoError(t, os.WriteFile(dir+"/stream", []byte(stream), 0o600))
	const before = "# HELP veza_backup_drill_last_success x\n# TYPE veza_backup_drill_last_success gauge\n" +
		"veza_backup_drill_last_success{reason=\"no_backup\",stanza=\"demo\"} 0\n"
	prom := filepath.Join(dir, "drill.prom")
	require.NoError(t, os.WriteFile(prom, []byte(before), 0o600))
	out, _, exit := begin(t, "-textfile", prom, "-history", dir+"/h", "--", "cat", dir+"/stream")
	require.Zero(t, <-exit, "%s", out)
	after, err := os.ReadFile(prom)
	require.NoError(t, err)
	assert.Equal(t, before, string(after))
	last = history(t, dir+"/h")
	assert.Equal(t, value, last.Labels[name])
	warnings = strings.Join(last.Warnings, "\n")
	assert.Contains(t, warnings, "the textfile stays as it is")
	assert.NotContains(t, out.String(), "textfile               "+prom)
	return warnings, last
}

// What was asked of the past leaves the textfile also when it came to an end before it could say so.
func TestRun_ThePastThatNeverBeganLeavesTheTextfile(t *testing.T) {
	dir := recording(t)
	const before = "# HELP veza_backup_drill_last_success x\n# TYPE veza_backup_drill_last_success gauge\n" +
		"veza_backup_drill_last_success{reason=\"none\",stanza=\"demo\"} 1\n"
	for name, command := range map[string]string{
		"NoProgram": "/nosuch/drill.test -repo-target-time 2026-08-18T03:59:30Z",
		"BadFlag":   dir + "/drill.test -repo-target-time=2026-08-18T03:59:30Z -nosuch",
		"Variable":  "env DRILL_REPO_TARGET_TIME=2026-08-18T03:59:30Z false",
	} {
		t.Run(name, func(t *testing.T) {
			prom := filepath.Join(t.TempDir(), "drill.prom")
			require.NoError(t, os.WriteFile(prom, []byte(before), 0o600))
			out, _, exit := begin(t, append([]string{"-textfile", prom, "--"}, strings.Fields(command)...)...)
			require.Equal(t, 2, <-exit, "%s", out)
			after, err := os.ReadFile(prom)
			require.NoError(t, err)
			assert.Equal(t, before, string(after))
			assert.Contains(t, out.String(), "the textfile stays as it is")
		})
	}
	out, _, exit := begin(t, "-suite", "backup", "-textfile", dir+"/backup.prom", "--", "env",
		"DRILL_REPO_TARGET_TIME=2026-08-18T03:59:30Z", "false")
	require.Equal(t, 2, <-exit, "%s", out)
	assert.FileExists(t, dir+"/backup.prom", "the backup checks know no past")
}
