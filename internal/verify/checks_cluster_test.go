package verify_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
)

// cluster is a small PostgreSQL of a test's own.
type cluster struct {
	hosttest.Cluster
	connections atomic.Int64
}

// startCluster makes and starts a cluster, with settings as name=value, that ends with the test.
func startCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	return &cluster{Cluster: hosttest.StartCluster(t, settings...)}
}

// connect also makes pg_temp.fail(sqlstate), for errors that are hard to bring about.
func (c *cluster) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	c.connections.Add(1)
	if database == "" {
		database = "template1"
	}
	// As the drill connects: a bound of the database's own must not strike the first statement.
	conn, err := pgx.Connect(ctx, "host="+c.Dir+" user=boss statement_timeout=0 dbname="+database)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `CREATE FUNCTION pg_temp.fail(code text) RETURNS int LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'made by the test' USING ERRCODE = code; END $$`)
	return conn, err
}

func (c *cluster) exec(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn, err := c.connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}
