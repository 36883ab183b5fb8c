package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
