package compare

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
)

// A database without its directory has no size, and is refused by itself: the others are listed.
func TestState_DatabaseWithoutItsDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := hosttest.StartCluster(t)
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		return pgx.Connect(ctx, "host="+c.Dir+" user=boss dbname="+cmp.Or(database, "postgres"))
	}
	conn, err := connect(t.Context(), "")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the server ends with the test
	var oid string
	for _, statement := range []string{`CREATE DATABASE app`, `CREATE DATABASE beside`, `CHECKPOINT`} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, conn.QueryRow(t.Context(),
		`SELECT oid::text FROM pg_database WHERE datname = 'app'`).Scan(&oid))
	whole, err := State(t.Context(), connect, Listing{Whole: true})
	require.NoError(t, err)
	assert.Empty(t, whole.Refused)
	assert.Positive(t, whole.Blocks["app"])

	require.NoError(t, os.RemoveAll(filepath.Join(c.Data, "base", oid)))
	lost, err := State(t.Context(), connect, Listing{Whole: true})
	require.NoError(t, err)
	assert.True(t, lost.Refused["app"].Damaged, "%+v", lost.Refused)
	assert.Len(t, lost.Refused, 1)
	assert.Zero(t, lost.Blocks["app"])
	assert.Contains(t, lost.Databases, "beside")
	assert.Positive(t, lost.Blocks["beside"])
}
