package verify

import (
	"context"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// The code of an error counts where the server gave it. A function of the data may raise one
// with any code, and says nothing about the disk, the server or the pages by that.
func TestCodeOf(t *testing.T) {
	for file, want := range map[string]reason.Reason{
		"md.c": reason.DiskSpace, "../src/backend/storage/file/fd.c": reason.DiskSpace, "plancache.c": reason.DiskSpace,
		"": reason.DiskSpace, "pl_exec.c": reason.SmokeQuery, "plpy_elog.c": reason.SmokeQuery,
		"./build/../src/pl/plperl/plperl.c": reason.SmokeQuery, "pltcl.c": reason.SmokeQuery,
	} {
		assert.Equal(t, want, codeReason(codeOf(&pgconn.PgError{Code: diskFull, File: file})), file)
	}
	assert.Equal(t, ioError, codeOf(&pgconn.PgError{
		Code: "42501", File: "fd.c", Message: `could not open file "base/5/16384": Read-only file system`,
	}), "no right is lacking")
	assert.Equal(t, raisedByData, codeOf(&pgconn.PgError{Code: "57P01", File: "pl_exec.c"}), "the session is not over")
}

// An error of the server's own has the reason its code knows, also out of a check.
func TestErrorOutcome(t *testing.T) {
	for code, want := range map[string]reason.Reason{
		"XX001": reason.PageChecksum, "XX002": reason.IndexCorrupt, "53100": reason.DiskSpace,
		"53200": reason.SandboxFailed, "58030": reason.SandboxFailed, "42P01": reason.SmokeQuery,
	} {
		answer := &pgconn.PgError{Code: code, Message: "said by the server", File: "bufmgr.c"}
		o, err := (Check{Name: "it", Database: "veza"}).errorOutcome(t.Context(), nil, answer, false)
		require.NoError(t, err)
		assert.Equal(t, want, o.Reason, code)
		assert.Contains(t, o.Sentence, "check it in database veza: ")
		assert.Contains(t, o.Sentence, code)
	}
	for _, code := range []string{"57P01", "57014"} { // no timeout of the drill's strikes before the run is over
		down := &pgconn.PgError{Code: code, File: "postgres.c"}
		_, err := (Check{}).errorOutcome(t.Context(), nil, down, true)
		assert.ErrorIs(t, err, error(down), "the session is over: whoever can look at the server says why")
	}
}

// What the role of the drill may not do is said to be that, with the way out.
func TestRightsHint(t *testing.T) {
	for want, answer := range map[string]*pgconn.PgError{
		"GRANT EXECUTE":      {Code: "42501", Message: "permission denied for function one"},
		"no more than":       {Code: "42501", Message: "must be superuser to COPY to or from an external program"},
		"writes nothing":     {Code: "25006", Message: "cannot execute INSERT in a read-only transaction"},
		"another cluster":    {Code: "2F003", Message: "password is required"},
		"connects to nobody": {Code: "08001", Message: "could not establish connection"},
		"REFRESH MATERIALIZED VIEW": {
			Code: "55000", Message: `materialized view "users" has not been populated`,
		},
		"rows are elsewhere": {
			Code: "55000", Message: `foreign-data wrapper "file_fdw" has no handler`,
		},
	} {
		assert.Contains(t, rightsHint(answer), want)
	}
	for _, words := range []string{
		`currval of sequence "s" is not yet defined in this session`,
		`pg_x must be loaded via shared_preload_libraries`,
	} {
		other := &pgconn.PgError{Code: "55000", Message: words}
		assert.Empty(t, rightsHint(other))
		assert.False(t, elsewhere(other), "it is no foreign table")
	}
	assert.Empty(t, rightsHint(&pgconn.PgError{Code: "42P01", Message: `relation "users" does not exist`}))
	assert.Empty(t, rightsHint(&pgconn.PgError{Code: "42501", Message: "x", File: "pl_exec.c"}), "a function said so")
}

// A lock, a right, and what a function said: nothing was learned. Damage is something else.
func TestNotAllowed(t *testing.T) {
	for _, code := range []string{"55P03", "42501", "25006", "P0001"} {
		assert.True(t, notAllowed(&pgconn.PgError{Code: code}), code)
	}
	for _, code := range []string{"XX001", "53100", "57P01", "42P01"} {
		assert.False(t, notAllowed(&pgconn.PgError{Code: code}), code)
	}
}

// What refuses the drill's own session is no word on the check, unless it tells of damage or of this machine. What does
// not let a session in is one: the database may be named wrongly.
func TestSetUpOutcome(t *testing.T) {
	check := Check{Name: "it", Database: "veza"}
	refused := func(code string) error { return &pgconn.PgError{Code: code, Message: "permission denied"} }
	o, err := check.setUpOutcome(t.Context(), nil, refused("42501"))
	require.NoError(t, err)
	assert.Equal(t, reason.SandboxFailed, o.Reason)
	assert.Contains(t, o.Sentence, "check it in database veza: ")
	assert.Contains(t, o.Sentence, "was not asked: the drill's own session cannot be made ready there")
	assert.Contains(t, o.Sentence, "permission denied")
	for code, want := range map[string]reason.Reason{
		"XX001": reason.PageChecksum, "53100": reason.DiskSpace, "53300": reason.SandboxFailed,
	} {
		other, none := check.setUpOutcome(t.Context(), nil, refused(code))
		require.NoError(t, none)
		assert.Equal(t, want, other.Reason, code)
	}
	config, err := pgconn.ParseConfig("host=/nowhere dbname=veza")
	require.NoError(t, err)
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, refused("42501") }
	_, err = pgconn.ConnectConfig(t.Context(), config)
	o, err = check.setUpOutcome(t.Context(), nil, err)
	require.NoError(t, err)
	assert.Equal(t, reason.SmokeQuery, o.Reason)
}
