package postgres

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// here runs commands on this machine.
type here struct{ host.Host }

func (*here) Run(ctx context.Context, c host.Command) (host.Result, error) {
	return host.Result{}, exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...).Run()
}

// The seal takes from the owner what nobody else has, and gives back no more: what the group may read stays so.
func TestSealTablespaces_Mode(t *testing.T) {
	for _, mode := range []os.FileMode{0o700, 0o750} {
		s := Server{Host: &here{}, Data: t.TempDir()}
		dir := filepath.Join(s.Data, "pg_tblspc")
		require.NoError(t, os.Mkdir(dir, mode))
		require.NoError(t, os.Chmod(dir, mode))
		for _, c := range []struct {
			change func(context.Context) error
			want   os.FileMode
		}{
			{s.SealTablespaces, mode &^ 0o200},
			{s.SealTablespaces, mode &^ 0o200},
			{s.UnsealTablespaces, mode},
			{s.UnsealTablespaces, mode},
		} {
			require.NoError(t, c.change(t.Context()))
			info, err := os.Stat(dir)
			require.NoError(t, err)
			assert.Equal(t, c.want, info.Mode().Perm())
		}
	}
}

// Where the replay ended at a tablespace is read from the last such line; a name that could be none is none.
func TestFailedTablespace(t *testing.T) {
	const line = `2026-11-29 03:48:50 UTC [9] CONTEXT:  WAL redo at 0/60002F8 for Tablespace/CREATE: 16396 "/srv/a b"`
	found, ok := FailedTablespace("FATAL: x\n" + line + "\n")
	require.True(t, ok)
	assert.Equal(t, Tablespace{At: 0x60002F8, OID: 16396, Location: "/srv/a b"}, found)
	for _, other := range []string{
		"", "CONTEXT:  WAL redo at 0/60002F8 for Tablespace/DROP: 16396",
		`CONTEXT:  WAL redo at 0/60002F8 for Tablespace/CREATE: 16396 ""`,
		`CONTEXT:  WAL redo at 0/60002F8 for Tablespace/CREATE: 99999999999 "/srv/a"`,
	} {
		_, ok = FailedTablespace(other)
		assert.False(t, ok, other)
	}
}

// A changed segment goes before the archive's, and the command for all others is as it was.
func TestFirstFrom(t *testing.T) {
	const before = "restore_command = 'old'\nrestore_command = 'pgbackrest --stanza=it''s archive-get %f \"%p\"'\n"
	line, err := firstFrom(before, "/t m'p%")
	require.NoError(t, err)
	command, _ := parseConf(autoConf, line)
	require.Len(t, command, 1)
	const segment = `'/t m'"'"'p%%'/%f`
	const want = "if [ -f " + segment + " ]; then cp " + segment +
		` "%p"; else pgbackrest --stanza=it's archive-get %f "%p"; fi`
	assert.Equal(t, want, command[0].Value)
	_, err = firstFrom("archive_mode = 'off'\n", "/x")
	require.ErrorContains(t, err, "no restore_command")
}
