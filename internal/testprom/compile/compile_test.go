package compile

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module is one whose test needs a package that no cache holds: the cache knows it by its directory.
func module(t *testing.T, dep string) Job {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module example.org/m\n\ngo 1.26\n",
		"dep/dep.go":      dep,
		"drill/x_test.go": "package drill\n\nimport \"example.org/m/dep\"\n\nvar _ = dep.F\n",
		"drill/doc.go":    "package drill\n",
		"other/other.go":  "package other\n\nfunc G() {}\n",
		"program/main.go": "package main\n\nfunc main() {}\n",
		"drill/tag.go":    "//go:build tag\n\npackage drill\n\nimport \"example.org/m/other\"\n\nvar _ = other.G\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return Job{Go: "go", Dir: dir, Packages: []string{"./drill"}, Tests: true}
}

// What is compiled is counted, once; what is in the cache is not worth a word.
func TestRun_TellsWhatItCompiles(t *testing.T) {
	j := module(t, "package dep\n\nfunc F() {}\n")
	var told []Progress
	p, err := j.Run(t.Context(), func(p Progress) { told = append(told, p) })
	require.NoError(t, err)
	require.NotEmpty(t, told)
	assert.Equal(t, Compiling, told[0].Phase)
	assert.Equal(t, 1, told[0].Done)
	assert.Equal(t, 1, p.Done, "dep; the package itself is compiled with its tests, by go test")
	assert.Equal(t, 1, p.Total)

	told = nil
	p, err = j.Run(t.Context(), func(p Progress) { told = append(told, p) })
	require.NoError(t, err)
	assert.Zero(t, p.Done)
	assert.Empty(t, told)

	j.Flags, j.Packages = []string{"-tags=tag"}, append(j.Packages, "./program")
	p, err = j.Run(t.Context(), func(Progress) {})
	require.NoError(t, err)
	assert.Equal(t, 1, p.Done, "other, which the tag asks for; a program is linked by go build")
}

func TestRun_OfWhatDoesNotCompile(t *testing.T) {
	_, err := module(t, "package dep\n\nfunc F() { return 1 }\n").Run(t.Context(), func(Progress) {})
	require.ErrorContains(t, err, "go build")
	j := module(t, "package dep\n")
	j.Packages = []string{"./nosuch"}
	_, err = j.Run(t.Context(), func(Progress) {})
	require.ErrorContains(t, err, "nosuch")
	j.Go = "/nowhere/go"
	_, err = j.Run(t.Context(), func(Progress) {})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A command that hangs ends with the context, and so does what it started.
func TestRun_EndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'go: downloading example.org/x v1' >&2\nsleep 600 &\nwait\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755))
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Job{Go: filepath.Join(dir, "go"), Packages: []string{"."}}.Run(ctx, func(Progress) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, Downloading, p.Phase)
	assert.Equal(t, 1, p.Done)
}

func TestShown_InALog(t *testing.T) {
	var out bytes.Buffer
	s := Shown{Out: &out, What: "the drill"}
	s.End(Progress{}, nil)
	assert.Empty(t, out.String(), "nothing was compiled, and nothing is said")
	for _, p := range []Progress{
		{Downloading, 1, 0, time.Second},
		{Downloading, 9, 0, 20 * time.Second},
		{Downloading, 12, 0, 31 * time.Second},
		{Compiling, 1, 300, 32 * time.Second},
		{Compiling, 29, 300, 33 * time.Second},
		{Compiling, 30, 300, 34 * time.Second},
		{Compiling, 31, 300, 35 * time.Second},
		{Compiling, 32, 300, 64 * time.Second},
	} {
		s.Tell(p)
	}
	s.End(Progress{Compiling, 300, 300, 100 * time.Second}, nil)
	assert.Equal(t, `downloading the modules of the drill
    12 so far, 31 s
compiling the drill: 300 packages (2 min or so the first time)
    30 of 300, 34 s
    32 of 300, 1 min 04 s
compiled the drill: 300 packages in 1 min 40 s
`, out.String())
}

func TestShown_OnATerminal(t *testing.T) {
	var out bytes.Buffer
	s := Shown{Out: &out, Terminal: true, What: "the drill", Before: Last{Packages: 290, Seconds: 41.2}}
	for _, p := range []Progress{
		{Downloading, 3, 0, time.Second},
		{Compiling, 1, 200, 10 * time.Second},
		{Compiling, 111, 200, 65 * time.Second},
		{Compiling, 200, 200, 99500 * time.Millisecond},
	} {
		s.Tell(p)
	}
	s.End(Progress{Compiling, 200, 200, 100 * time.Second}, errors.New("it does not compile"))
	const wipe = "\r\x1b[K"
	assert.Equal(t, wipe+"downloading the modules of the drill\n"+wipe+"    3 so far, 1 s"+
		wipe+"compiling the drill: 200 packages (last time 290 in 41 s)\n"+
		wipe+"  0% |                    |  1 of 200, 10 s"+
		wipe+" 55% |███████████         |  111 of 200, 1 min 05 s, 2.0/s, 44 s left"+
		wipe+"100% |████████████████████|  200 of 200, 1 min 39 s, 2.2/s"+
		wipe+"the drill: broken off after 1 min 40 s\n", out.String())
}

// What a test's own main alone needs is compiled in sight, and counted: nothing is left of the total in the end.
func TestListing_NamesAllThatIsCounted(t *testing.T) {
	l := listing{stale: map[string]bool{}}
	for _, line := range []string{
		"true\ttrue\tfuzz\t\tinternal/fuzz", "true\ttrue\tdep\t\texample.org/m/dep", "false\ttrue\tio\t\tio",
		"true\tfalse\tdrill\t\texample.org/m/drill",
		"true\ttrue\tdrill\texample.org/m/drill\texample.org/m/drill [example.org/m/drill.test]",
		"true\ttrue\tmain\t\texample.org/m/drill.test", "true\ttrue\tfuzz\t\tinternal/fuzz", "no package",
	} {
		l.add(line, true)
	}
	assert.Equal(t, []string{"internal/fuzz", "example.org/m/dep"}, l.build)
	assert.Len(t, l.stale, len(l.build))
}

func TestRemember(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	drill, other := Job{Packages: []string{"drill"}}, Job{Packages: []string{"other"}}
	assert.Zero(t, drill.Before())
	require.NoError(t, drill.Remember(Progress{Done: 3, Took: 1500 * time.Millisecond}))
	require.NoError(t, other.Remember(Progress{Done: 1, Took: time.Second}))
	assert.Equal(t, Last{Packages: 3, Seconds: 1.5}, drill.Before())
	assert.Equal(t, 1500*time.Millisecond, drill.Before().Took())

	require.NoError(t, drill.Remember(Progress{Done: 1, Took: time.Minute}), "much less says nothing")
	assert.Equal(t, Last{Packages: 3, Seconds: 1.5}, drill.Before())

	path, err := remembered()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("{broken"), 0o600))
	assert.Zero(t, drill.Before())
	require.NoError(t, drill.Remember(Progress{Done: 1}), "a broken file is replaced")
	t.Setenv("XDG_CACHE_HOME", "/proc/nowhere")
	require.Error(t, drill.Remember(Progress{}))
	assert.Zero(t, drill.Before())
}
