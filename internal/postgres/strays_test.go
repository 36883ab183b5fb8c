package postgres

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// listening runs commands on this machine, and hands on what they say.
type listening struct{ host.Host }

func (*listening) Run(ctx context.Context, c host.Command) (host.Result, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, &out, &said
	err := cmd.Run()
	result := host.Result{Stdout: out.Bytes(), Stderr: said.Bytes()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return result, &host.ExitError{Argv: c.Argv, Code: exit.ExitCode(), Result: result}
	}
	return result, err
}

// stoppedWithChecksums is a small cluster of which every page has its checksum.
func stoppedWithChecksums(t *testing.T) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := hosttest.StartCluster(t)
	pidFile := filepath.Join(c.Data, "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGINT)) // stops in good order
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "the end of the server", 20*time.Millisecond, func(context.Context) error {
		if _, there := os.Stat(pidFile); there == nil {
			return errors.New("it is there")
		}
		return nil
	}))
	c.Kill()
	s := &Server{Host: &listening{}, Data: c.Data, Installation: Installation{BinDir: hosttest.ServerPrograms(t)}}
	control, err := ReadControl(ctx, s.Host, s.Installation, s.Data)
	require.NoError(t, err)
	if control.HasChecksums() { // from PostgreSQL 18 on, initdb's default
		return s
	}
	out, err := exec.CommandContext(ctx, s.Installation.Program("pg_checksums"), "--enable", "--no-sync", "-D", s.Data).
		CombinedOutput()
	require.NoError(t, err, "%s", out)
	return s
}

// tablespaceOf gives a cluster a tablespace, and a link of which nobody knows where it leads.
func tablespaceOf(t *testing.T, s *Server) (dir string) {
	t.Helper()
	control, err := ReadControl(t.Context(), s.Host, s.Installation, s.Data)
	require.NoError(t, err)
	major, err := os.ReadFile(filepath.Join(s.Data, "PG_VERSION"))
	require.NoError(t, err)
	version := "PG_" + strings.TrimSpace(string(major)) + "_" + control["Catalog version number"]
	place, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(place, version, "5"), 0o700))
	require.NoError(t, os.Symlink(place, filepath.Join(s.Data, "pg_tblspc/16400")))
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "file"), nil, 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(place, version, "link")))
	return "pg_tblspc/16400/" + version
}

// Files of no relation keep no page from being proved, and are named; they have their names and what they hold
// afterwards. In a cluster that goes into production nothing is touched, and what keeps pages from being read is said.
func TestCheckPages_Strays(t *testing.T) {
	s := stoppedWithChecksums(t)
	tables, err := filepath.Glob(s.Data + "/base/*/1259")
	require.NoError(t, err)
	table := tables[0]
	database := "base/" + filepath.Base(filepath.Dir(table)) + "/"
	put := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(s.Data, name), []byte(content), 0o600))
	}
	whole, err := s.CheckPages(t.Context(), nil)
	require.NoError(t, err)
	assert.Positive(t, whole.Blocks)
	assert.Empty(t, append(whole.Bad, whole.Strays...))

	noise := strings.Repeat("noise of 16 byte", 1024) // two pages that fail
	inTablespace := tablespaceOf(t, s)
	strays := []string{
		database + "1259.bak", database + "1259.bak.2", database + "README", "base/a b.dump",
		"global/1262_old", inTablespace + "/5/x.0", inTablespace + "/README", "pg_tblspc/note.7",
	}
	for i, stray := range strays {
		put(stray, []string{"x", noise}[i%2])
	}
	for range 2 { // the second finds them as they were
		found, failed := s.CheckPages(t.Context(), nil)
		require.NoError(t, failed)
		assert.Equal(t, Checksums{Blocks: whole.Blocks, Strays: strays}, found)
	}
	for i, stray := range strays {
		content, unread := os.ReadFile(filepath.Join(s.Data, stray))
		require.NoError(t, unread)
		assert.Equal(t, []string{"x", noise}[i%2], string(content), stray)
	}

	s.Kept = true
	found, err := s.CheckPages(t.Context(), nil)
	require.NoError(t, err)
	assert.Contains(t, strays, found.Ended, "a name that ends it")
	for _, stray := range strays {
		require.NoError(t, os.Remove(filepath.Join(s.Data, stray)))
	}
	put(database+"README", "x")
	found, err = s.CheckPages(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, database+"README", found.Ended, "it ends within a page")
	assert.Empty(t, found.Bad)
	put(database+"README", noise)
	found, err = s.CheckPages(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, Checksums{Blocks: whole.Blocks + 2, Strays: []string{database + "README"}}, found, "no page of it")

	put(database+"1259_fsm", noise)
	found, err = s.CheckPages(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, found.Bad, 2, "a relation's own is damaged")
	put(database+"1259_fsm", noise[:100])
	found, err = s.CheckPages(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, []string{database + "1259_fsm, block 0: it cannot be read: read 100 of 8192"}, found.Bad)
}

// saying is a machine whose pg_checksums ends with some words.
type saying struct {
	host.Host
	words string
}

func (s *saying) Run(_ context.Context, c host.Command) (host.Result, error) {
	if c.Argv[2] == listStrays {
		return host.Result{}, nil
	}
	return host.Result{}, &host.ExitError{Argv: c.Argv, Code: 1, Result: host.Result{Stdout: []byte(s.words)}}
}

// A disk that fails is no damage of what was restored to it; neither is anything else that the kernel says.
func TestCheckPages_DiskFailed(t *testing.T) {
	const began = "pg_checksums: error: could not read block 3 in file \"/d/base/5/16397_fsm\": "
	for said, want := range map[string]struct{ words, bad string }{
		"Input/output error": {"the disk that was restored to failed", ""},
		"Is a directory":     {"Is a directory", ""},
		"read 100 of 8192":   {"", "base/5/16397_fsm, block 3: it cannot be read: read 100 of 8192"},
	} {
		s := Server{Host: &saying{words: " 23/52 MB (44%) computed\n" + began + said + "\n"}, Data: "/d"}
		found, err := s.CheckPages(t.Context(), nil)
		if want.bad != "" {
			require.NoError(t, err, said)
			assert.Equal(t, []string{want.bad}, found.Bad)
			continue
		}
		require.ErrorContains(t, err, want.words, said)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.SandboxFailed, why, said)
	}
}
