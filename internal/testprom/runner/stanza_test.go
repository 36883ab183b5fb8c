package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A start that failed is told, and measured, of the stanza that was asked for, and not of the one
// whose metrics stand in the old file: those stay as they are.
func TestStanza_OfAFailedStartIsTheOneThatWasAsked(t *testing.T) {
	dir := recording(t)
	broken := filepath.Join(t.TempDir(), "broken")
	require.NoError(t, os.CopyFS(broken, os.DirFS(dir)))
	require.NoError(t, os.WriteFile(broken+"/drill_test.go", []byte("package drill\n\nfunc {\n"), 0o600))
	type start struct {
		command string
		env     string
		path    bool // there is a PATH with a Go in it
		want    string
	}
	for name, s := range map[string]start{
		"NoConverter":     {command: dir + "/drill.test -stanza asked", want: "tool_missing"},
		"NoProgram":       {command: "/nosuch/drill.test -stanza=asked", path: true, want: "tool_missing"},
		"NoProgramByName": {command: "nosuch --stanza asked", path: true, want: "tool_missing"},
		"Env":             {command: "env DRILL_STANZA=asked /nosuch/drill.test", path: true, want: "no_tests"},
		"Variable":        {command: dir + "/drill.test", env: "asked", want: "tool_missing"},
		"FlagBeforeEnv":   {command: dir + "/drill.test -stanza asked", env: "other", want: "tool_missing"},
		"BadFlag":         {command: dir + "/drill.test -stanza asked -nosuch", path: true, want: "config_invalid"},
		"BuildFailed":     {command: "go test -C " + broken + " . -stanza asked", path: true, want: "build_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			prom := filepath.Join(t.TempDir(), "drill.prom")
			w, out, _ := world(bytes.NewReader(passing(t)))
			require.Zero(t, Main([]string{"-textfile", prom}, w), out)
			out.Reset()
			before, err := os.ReadFile(prom)
			require.NoError(t, err)
			if !s.path {
				t.Setenv("PATH", "/nosuch")
			}
			w.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "DRILL_STANZA="+s.env)
			w.Stderr = w.Stdout
			code := Main(append([]string{"-textfile", prom, "--"}, strings.Fields(s.command)...), w)
			assert.Equal(t, 2, code, out)
			assert.Contains(t, out.String(), "drill of stanza asked in ")
			after, err := os.ReadFile(prom)
			require.NoError(t, err)
			assert.Contains(t, string(after),
				`veza_backup_drill_environment_error{reason="`+s.want+`",stanza="asked"} 1`, out)
			for line := range strings.Lines(string(before)) {
				assert.Contains(t, string(after), line, "the other stanza's series stay as they are")
			}
		})
	}
}

// A verdict that is told of another name is so in every place, and leaves the series of the stanza itself as they are;
// the run's own label still says what was drilled.
func TestStanza_ToldOfAnotherName(t *testing.T) {
	dir := t.TempDir()
	prom, report, history := filepath.Join(dir, "d.prom"), filepath.Join(dir, "r.json"), filepath.Join(dir, "h.jsonl")
	w, out, _ := world(bytes.NewReader(passing(t)))
	require.Zero(t, Main([]string{"-textfile", prom}, w), out)
	before, err := os.ReadFile(prom)
	require.NoError(t, err)
	own := regexp.MustCompile(`stanza="([^"]+)"`).FindStringSubmatch(string(before))[1]

	w, out, _ = world(bytes.NewReader(passing(t)))
	flags := []string{"-textfile", prom, "-report", report, "-history", history, "-as", own + ".repo2"}
	require.Zero(t, Main(flags, w), out)
	after, err := os.ReadFile(prom)
	require.NoError(t, err)
	for line := range strings.Lines(string(before)) {
		assert.Contains(t, string(after), line)
	}
	assert.Contains(t, string(after), `veza_backup_drill_last_success{reason="none",stanza="`+own+`.repo2"} 1`)
	for _, path := range []string{report, history} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		told := regexp.MustCompile(`"stanza": ?"` + regexp.QuoteMeta(own) + `\.repo2"`)
		assert.Regexp(t, told, string(content), path)
		assert.Regexp(t, `"stanza": ?"`+regexp.QuoteMeta(own)+`"`, string(content), "the label, in %s", path)
	}

	for flags, says := range map[string]string{
		"-as alarm-test": "not alarm-test", "-as a/b": "letters, digits",
	} {
		w, _, _ = world(strings.NewReader(""))
		var said bytes.Buffer
		w.Stderr = &said
		assert.Equal(t, 2, Main(strings.Fields(flags), w), flags)
		assert.Contains(t, said.String(), says, flags)
	}
}
