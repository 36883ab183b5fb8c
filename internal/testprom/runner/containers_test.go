package runner

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTagsOf(t *testing.T) {
	for typed, want := range map[string]string{
		"go test ./drill":                          "",
		"go test -tags drill ./drill":              "drill",
		"go test ./drill -tags=ci,other":           "ci other",
		"go test ./drill -args -tags drill":        "",
		"GOFLAGS=-tags=ci go test ./drill":         "ci",
		"GOFLAGS=-tags=ci go test -tags drill ./x": "drill",
		"cat -tags drill":                          "",
	} {
		var env []string
		argv := strings.Fields(typed)
		if strings.Contains(argv[0], "=") {
			env, argv = argv[:1], argv[1:]
		}
		assert.Equal(t, want, strings.Join(tagsOf(argv, env), " "), typed)
	}
}

// A compiled test says by itself what it was compiled with.
func TestTagsOf_ATestBinary(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/recording")))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "drill", "-o", "drill.test", "./drill")
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	assert.Equal(t, []string{"drill"}, tagsOf([]string{filepath.Join(dir, "drill.test")}, nil))
}

// A build that does not know the containers of a killed run names the command that does.
func TestClean_NamesTheBuildThatKnowsTheContainers(t *testing.T) {
	left := "testprom: what it left in Incus stays: this build does not know it; " +
		"`testprom -reap` of package veza-drill-incus (in a checkout `go run -tags drill ./internal/cmd/testprom " +
		"-reap`) removes it\n"
	for _, c := range []struct{ tag, command, want string }{
		{"", "drill", left},
		{"ci", "drill", left},
		{"drill", "drill", ""},
		{"", "", ""},
	} {
		w, _, errs := world(nil)
		w.Tag, w.Reap = c.tag, func(context.Context, io.Writer, Place) error { return nil }
		(&run{World: w}).clean(command{tags: strings.Fields(c.command)})
		assert.Equal(t, c.want, errs.String(), "%+v", c)
	}
}

func TestReap_SaysWhatItDidNotAsk(t *testing.T) {
	for tag, want := range map[string]string{
		"": "containers were not asked for: `testprom -reap` of package veza-drill-incus (in a checkout `go run " +
			"-tags drill ./internal/cmd/testprom -reap`) asks Incus; of veza-drill-docker, or with -tags ci, Docker\n",
		"ci": "", "drill": "",
	} {
		w, out, _ := world(nil)
		w.Tag, w.Reap = tag, func(context.Context, io.Writer, Place) error { return nil }
		assert.Equal(t, 0, Main([]string{"-reap"}, w))
		assert.Equal(t, want, out.String(), tag)
	}
}
