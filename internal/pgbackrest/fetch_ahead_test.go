package pgbackrest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// here is this machine, as far as FetchAhead uses one.
type here struct{ host.Host }

func (here) Run(ctx context.Context, c host.Command) (host.Result, error) {
	return host.Result{}, exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...).Run()
}

func (here) Read(_ context.Context, path string) ([]byte, error) { return os.ReadFile(path) }

func (here) Put(_ context.Context, path string, content []byte, mode fs.FileMode, _ string) error {
	return os.WriteFile(path, content, mode)
}

// archive is a directory in the place of pgBackRest's: archive-get copies from it, as soon as nobody holds the lock of
// its file go. What was asked for stands in a file.
type archive struct {
	t     *testing.T
	dir   string
	own   *Client
	ahead Ahead
}

const archiveGet = `#!/bin/sh
while [ $# -gt 2 ]; do shift; done
echo "$1" >>DIR/asked
case $1 in *3) echo half >"$2"; echo "ERROR: [042]: '$1' is cut" >&2; exit 1 ;; esac
flock DIR/go true
cp "DIR/$1" "$2"
`

// A real sh runs the script as PostgreSQL does, with a pgbackrest of the test.
func newArchive(t *testing.T, segments ...string) (archive, string) {
	t.Helper()
	a := archive{t: t, dir: t.TempDir()}
	script := strings.ReplaceAll(archiveGet, "DIR", a.dir)
	require.NoError(t, os.WriteFile(filepath.Join(a.dir, "pgbackrest"), []byte(script), 0o700))
	t.Setenv("PATH", a.dir+":"+os.Getenv("PATH"))
	for _, name := range segments {
		require.NoError(t, os.WriteFile(filepath.Join(a.dir, name), []byte("content of "+name), 0o600))
	}
	a.own = &Client{Host: here{}, Stanza: "veza", Spool: filepath.Join(a.dir, "it's 100% spool"), Data: a.dir}
	require.NoError(t, os.Mkdir(a.own.Spool, 0o700))
	var err error
	a.ahead, err = a.own.FetchAhead(t.Context(), Getting{Ahead: 2}, segments)
	require.NoError(t, err)
	return a, a.ahead.Command
}

// fetched is what a report says when the replay is over.
func (a archive) fetched() string {
	count, failed, err := a.own.Fetched(a.t.Context(), a.ahead)
	require.NoError(a.t, err)
	return Getting{Ahead: 2}.Fetched(count, failed)
}

// hold keeps every archive-get waiting until it is called off.
func (a archive) hold() (release func() error) {
	file, err := os.Create(filepath.Join(a.dir, "go"))
	require.NoError(a.t, err)
	require.NoError(a.t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	return file.Close
}

// recover runs restore_command for a file: what recovery would be given, "" for nothing.
func (a archive) recover(command, name string) string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	text := strings.NewReplacer("%f", name, "%p", "RECOVERYXLOG", "%%", "%").Replace(command)
	cmd := exec.CommandContext(ctx, "sh", "-c", text)
	cmd.Dir = a.dir
	got := filepath.Join(a.dir, "RECOVERYXLOG")
	if output, err := cmd.CombinedOutput(); err != nil {
		assert.Empty(a.t, string(output))
		assert.NoFileExists(a.t, got)
		return ""
	}
	content, err := os.ReadFile(got)
	require.NoError(a.t, err)
	require.NoError(a.t, os.Remove(got))
	return string(content)
}

func (a archive) asked() []string {
	content, _ := os.ReadFile(filepath.Join(a.dir, "asked")) // there is none before somebody asks
	return strings.Fields(string(content))
}

func names(count int) (list []string) {
	for i := range count {
		list = append(list, fmt.Sprintf("00000001000000000000%04X", 0xFE+i))
	}
	return list
}

// The first is left to restore_command; those that follow are there when they are asked for, whole, and once.
func TestFetchAhead(t *testing.T) {
	list := names(5) // FE, FF, 100, 101, 102
	a, command := newArchive(t, list...)
	assert.Empty(t, a.recover(command, list[0]))
	assert.Equal(t, "restore_command brought one segment at a time, none was fetched ahead", a.fetched())
	for _, name := range list[1:] {
		assert.Equal(t, "content of "+name, a.recover(command, name))
	}
	assert.ElementsMatch(t, list[1:], a.asked())
	assert.Equal(t, "segments are fetched up to 2 ahead of the replay, by an archive-get each", a.fetched())
	count, _, err := a.own.Fetched(t.Context(), a.ahead)
	require.NoError(t, err)
	assert.Equal(t, 4, count)
	assert.Empty(t, a.recover(command, list[4]), "recovery asks for its last segment again")
}

// PostgreSQL asks for the segment of the checkpoint before it goes back to where the replay begins: that it was asked
// for in vain is no word on whether somebody tried to bring it.
func TestFetchAhead_AskedForBefore(t *testing.T) {
	list := []string{"000000010000000000000001", "000000010000000000000002", "000000010000000000000004"}
	a, command := newArchive(t, list...)
	assert.Empty(t, a.recover(command, list[2]))
	assert.Empty(t, a.recover(command, list[0]))
	for _, name := range list[1:] {
		assert.Equal(t, "content of "+name, a.recover(command, name))
	}
}

// What is still on its way is waited for, and not asked for twice.
func TestFetchAhead_Slow(t *testing.T) {
	list := names(3)
	a, command := newArchive(t, list...)
	release := a.hold()
	assert.Empty(t, a.recover(command, list[0]))
	done := make(chan string)
	go func() { done <- a.recover(command, list[1]) }()
	require.NoError(t, release())
	assert.Equal(t, "content of "+list[1], <-done)
	assert.Equal(t, "content of "+list[2], a.recover(command, list[2]))
	assert.ElementsMatch(t, list[1:], a.asked())
}

// What archive-get did not bring whole is not handed over, nor what is in no list, nor a file's half.
func TestFetchAhead_LeavesErrorsToRestoreCommand(t *testing.T) {
	list := []string{"000000010000000000000002", "000000010000000000000003", "000000010000000000000004"}
	a, command := newArchive(t, list...)
	assert.Empty(t, a.recover(command, list[0]))
	assert.Empty(t, a.recover(command, list[1]))
	assert.Equal(t, "content of "+list[2], a.recover(command, list[2]))
	assert.Contains(t, a.fetched(), "fetched up to 2 ahead")
	for _, other := range []string{"00000002.history", "000000010000000000000005", "0000000100000000000000.4"} {
		assert.Empty(t, a.recover(command, other))
	}
}

// Where archive-get brings none, the report says so, and what archive-get said.
func TestFetchAhead_BringsNone(t *testing.T) {
	list := []string{"000000010000000000000002", "000000010000000000000003"}
	a, command := newArchive(t, list...)
	for _, name := range list {
		assert.Empty(t, a.recover(command, name))
	}
	assert.Equal(t, "restore_command brought one segment at a time, none was fetched ahead: "+
		"ERROR: [042]: '000000010000000000000003' is cut", a.fetched())
}

// Without a count nothing is put anywhere: the client has no host to put it on.
func TestFetchAhead_Off(t *testing.T) {
	ahead, err := (&Client{}).FetchAhead(t.Context(), Getting{Why: "-get-async=off"}, nil)
	require.NoError(t, err)
	assert.Empty(t, ahead.Command)
}
