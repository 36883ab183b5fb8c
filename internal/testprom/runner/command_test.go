package runner

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// What go test is given in any case, and where somebody asked for -short.
const (
	goTest    = "go test -json -v=test2json -short=false -vet=off "
	shortTest = "go test -json -v=test2json -vet=off -count=1 -timeout=45m0s"
)

func TestPrepare_AddsWhatAVerdictNeeds(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	for typed, want := range map[string]string{
		"go test ./drill":                   goTest + "-count=1 -timeout=45m0s ./drill",
		"go test -v -json ./drill":          goTest + "-count=1 -timeout=45m0s ./drill",
		"go test ./drill -v":                goTest + "-count=1 -timeout=45m0s ./drill",
		"go test -v=1 ./drill --json=false": goTest + "-count=1 -timeout=45m0s ./drill",
		"go test -C sub ./drill": "go test -C sub -json -v=test2json -short=false -vet=off -count=1" +
			" -timeout=45m0s ./drill",
		"go test -C=sub ./drill": "go test -C=sub -json -v=test2json -short=false -vet=off -count=1" +
			" -timeout=45m0s ./drill",
		"go test ./drill -compare standby": goTest + "-count=1 -timeout=1h15m0s" +
			" ./drill -compare standby",
		"go test ./drill -compare sets -compare-budget 10m -rto 1h": goTest + "-count=1" +
			" -timeout=2h25m0s ./drill -compare sets -compare-budget 10m -rto 1h",
		"go test ./drill -compare none": goTest + "-count=1 -timeout=45m0s" +
			" ./drill -compare none",
		"go test -count=3 -timeout 2h ./drill": goTest + "-count=3 -timeout 2h ./drill",
		"go test -tags drill ./drill -rto 1h": goTest + "-count=1 -timeout=1h15m0s" +
			" -tags drill ./drill -rto 1h",
		"go test ./drill -args -conf a.conf -v": goTest + "-count=1 -timeout=45m0s" +
			" ./drill -args -conf " + here + "/a.conf -v",
		"go test ./drill -args -test.v -keep": goTest + "-count=1 -timeout=45m0s" +
			" ./drill -args -keep",
		"go test ./drill -args -timeout=1s": goTest + "-count=1 -timeout=45m0s" +
			" ./drill -args -timeout=1s",
		"go test ./drill -conf=/etc/a --checks=c": goTest + "-count=1 -timeout=45m0s" +
			" ./drill -conf=/etc/a -checks=" + here + "/c",
		"/usr/local/go/bin/go test ./drill -rto x": "/usr/local/go/bin/" + goTest + "-count=1" +
			" -timeout=45m0s ./drill -rto x",
		"go vet ./drill": "go vet ./drill",
		"cat -conf x":    "cat -conf x",
	} {
		c, err := prepare(suite.Drill, strings.Fields(typed), nil, nil)
		require.NoError(t, err)
		assert.Equal(t, want, strings.Join(c.argv, " "))
	}
}

// -short of the environment, wherever go has that from, is for unit tests; whoever writes it on the command line means
// it.
func TestPrepare_ShortOfTheEnvironment(t *testing.T) {
	for typed, want := range map[string]string{
		"go test ./drill":             goTest + "-count=1 -timeout=45m0s ./drill",
		"go test -short ./drill":      shortTest + " -short ./drill",
		"go test -test.short ./drill": shortTest + " -test.short ./drill",
		"go test ./drill -short":      shortTest + " ./drill -short",
	} {
		c, err := prepare(suite.Drill, strings.Fields(typed), nil, nil)
		require.NoError(t, err)
		assert.Equal(t, want, strings.Join(c.argv, " "))
	}
}

// A real go reads -short from the file of go env -w, and what testprom adds goes before that.
func TestPrepare_ShortOfGoEnv(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"env": "GOFLAGS=-short\n", "go.mod": "module m\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestM(t *testing.T) {\n\tif testing.Short() {\n\t\t" +
			"t.Error(\"short\")\n\t}\n}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	for typed, passes := range map[string]bool{"go test .": true, "go test . -short": false} {
		c, err := prepare(suite.Drill, strings.Fields(typed), nil, nil)
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), c.argv[0], c.argv[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOENV="+filepath.Join(dir, "env"), "GOFLAGS=", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		assert.Equal(t, passes, err == nil, "%s: %s", typed, out)
		assert.Equal(t, !passes, strings.Contains(string(out), "short"), "%s: %s", typed, out)
	}
}

func TestPrepare_RunsATestBinaryUnderTest2json(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"drill.test", "test2json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755))
	}
	c, err := prepare(suite.Drill, []string{
		dir + "/drill.test", "-test.v", "-test.timeout=1m", "-test.paniconexit0=false", "-stanza", "demo",
	}, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, dir+"/test2json -t -p drill "+dir+
		"/drill.test -test.v=test2json -test.paniconexit0 -test.count=1 -test.timeout=1m -stanza demo",
		strings.Join(c.argv, " "))
	assert.Equal(t, time.Minute, c.timeout)
	assert.Equal(t, "demo", c.stanza)
}

func TestTestBinary_IsKnownByItsBuildInformation(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	renamed := filepath.Join(t.TempDir(), "weekly-drill")
	require.NoError(t, os.Symlink(self, renamed))
	name, ok := testBinary(renamed)
	assert.True(t, ok)
	assert.Equal(t, "veza.fr/recovery/internal/testprom/runner", name)

	_, ok = testBinary("/bin/sh")
	assert.False(t, ok)
}

func TestTest2json_WithoutOneSaysHowToGetIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := test2json("/nowhere/drill.test")
	require.ErrorContains(t, err, "go build -o /nowhere/test2json cmd/test2json")
}

func TestPrepare_ReadsTheEnvironment(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	env := []string{"DRILL_STANZA=env", "DRILL_RTO=10m", "DRILL_CONF=a.conf", "DRILL_CHECKS=/b.yml", "SECRET=s"}
	c, err := prepare(suite.Drill, []string{"go", "test", "./drill"}, env, nil)
	require.NoError(t, err)
	assert.Equal(t, "env", c.stanza)
	assert.Equal(t, 25*time.Minute, c.timeout)
	assert.Equal(t, []string{
		"DRILL_STANZA=env", "DRILL_RTO=10m", "DRILL_CONF=" + here + "/a.conf", "DRILL_CHECKS=/b.yml", "SECRET=s",
	}, c.env)

	c, err = prepare(suite.Drill, []string{"go", "test", "./drill", "-stanza=flag", "-rto", "1m"}, env, nil)
	require.NoError(t, err)
	assert.Equal(t, "flag", c.stanza)
	assert.Equal(t, 16*time.Minute, c.timeout)
}

// Where the sandboxes are made is what the drill reads: its flags, else the variables, those that env sets first.
func TestPrepare_Place(t *testing.T) {
	env := []string{"DRILL_INCUS_REMOTE=far", "DRILL_INCUS_PROJECT=usual"}
	for typed, want := range map[string]Place{
		"go test ./drill -incus-project drills":                      {"far", "drills"},
		"go test ./drill -args --incus-project=drills":               {"far", "drills"},
		"go test ./drill -incus-remote near":                         {"near", "usual"},
		"env DRILL_INCUS_PROJECT=drills go test ./drill":             {"far", "drills"},
		"env DRILL_INCUS_PROJECT=x go test ./drill -incus-project=y": {"far", "y"},
		"go test ./drill": {"far", "usual"},
	} {
		c, err := prepare(suite.Drill, strings.Fields(typed), env, nil)
		require.NoError(t, err)
		assert.Equal(t, want, c.place, typed)
	}
	c, err := prepare(suite.Drill, []string{"go", "test", "./drill"}, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, Place{}, c.place)
}

func TestMain_RefusesABadCommandLineInOneSentence(t *testing.T) {
	for args, want := range map[string]string{
		"-nosuch":                      "flag provided but not defined: -nosuch; -h lists the flags",
		"-reprot x":                    "not defined: -reprot; did you mean -report? -h lists them all",
		"-limit soon":                  "invalid value \"soon\"",
		"-limit -5s":                   "must be more than 0",
		"-suite lunch":                 "there are drill, backup and control",
		"go test ./drill":              "put -- before the command",
		"--":                           "name the command",
		"-reap":                        "knows no sandbox to reap",
		"-reap -- x":                   "runs no command",
		"-version -- x":                "runs no command",
		"-textfile a -report ./a":      "name the same file",
		"-textfile /nosuch/x.prom":     "/nosuch/x.prom",
		"-history /nosuch/x":           "/nosuch/x",
		"-report / -- touch /tmp/nope": "it is a directory",
	} {
		w, out, errs := world(strings.NewReader(""))
		assert.Equal(t, 2, Main(strings.Fields(args), w), args)
		assert.Empty(t, out.String(), args)
		assert.Contains(t, errs.String(), want, args)
		assert.Equal(t, 1, strings.Count(errs.String(), "\n"), args)
		assert.NotContains(t, errs.String(), "Usage", args)
	}
}

func TestMain_ExplainsItself(t *testing.T) {
	w, out, _ := world(&bytes.Buffer{})
	assert.Equal(t, 0, Main([]string{"-h"}, w))
	for _, word := range []string{"-textfile", "-history", "-limit", "-reap", "Examples:", "Exit status"} {
		assert.Contains(t, out.String(), word)
	}
}

func TestMain_RefusesTheSameFileByAnotherName(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "link")))
	w, _, errs := world(strings.NewReader(""))
	assert.Equal(t, 2, Main([]string{"-textfile", dir + "/a", "-report", dir + "/link/a"}, w))
	assert.Contains(t, errs.String(), "name the same file")
}

func TestMain_SaysWhichBuildItIs(t *testing.T) {
	w, out, errs := world(strings.NewReader(""))
	w.Terminal = true
	assert.Zero(t, Main([]string{"-version"}, w))
	assert.Regexp(t, `^testprom .*, commit .*, go1\..*, environment [a-z]+\n$`, out.String())
	assert.Empty(t, errs.String())
}

func TestMain_WaitsForNobodyToTypeAStream(t *testing.T) {
	w, _, errs := world(strings.NewReader(""))
	w.Terminal = true
	assert.Equal(t, 2, Main(nil, w))
	assert.Equal(t, "testprom: nothing to judge; -h explains\n"+synopsis, errs.String())
}

// recording compiles the recorded drill once more, for tests that run one.
func recording(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/recording")))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", "drill.test", "./drill")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}
