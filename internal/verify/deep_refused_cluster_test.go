package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// A database that refuses the drill's own session is no word on the data, nor a pass, and the others are looked at.
func TestDeep_RefusedSessionHidesNoOtherDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	c.exec(t, "postgres", "CREATE DATABASE app", "CREATE TABLE late (id serial PRIMARY KEY)")
	var refusal *pgconn.PgError
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		if database == "app" && refusal != nil {
			return nil, refusal
		}
		return c.connect(ctx, database)
	}
	run := func() (list []verify.Outcome, err error) {
		outcomes, err := verify.Deep{Superuser: c.connect, Connect: connect, Workers: 1}.
			Run(t.Context(), []string{"collations", "sequences"}, 10*time.Minute)
		for _, o := range outcomes {
			if o.Status != verify.NotAsked {
				list = append(list, o)
			}
		}
		return list, err
	}
	list, err := run()
	require.NoError(t, err)
	assert.Nil(t, verify.Failure(list))

	refusal = &pgconn.PgError{Code: "42704", Message: `language "plpgsql" does not exist`}
	list, err = run()
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, reason.SandboxFailed, list[0].Reason)
	assert.Equal(t, "database app is left out of the deeper checks: the drill's own session cannot be made ready "+
		`there: language "plpgsql" does not exist`, list[0].Sentence)
	assert.Equal(t, verify.Passed, list[1].Status, "it is said once")

	c.exec(t, "postgres", "INSERT INTO late SELECT generate_series(1, 9)", "SELECT setval('late_id_seq', 4)")
	list, err = run()
	require.NoError(t, err)
	assert.Equal(t, reason.StaleData, verify.Failure(list).Reason)

	for code, want := range map[string]reason.Reason{
		"XX000": reason.PageChecksum, "53200": reason.SandboxFailed, "58P01": reason.PageChecksum,
	} {
		refusal = &pgconn.PgError{Code: code, Message: "it could not", File: "md.c"}
		_, err = run()
		why, _ := reason.Of(err)
		assert.Equal(t, want, why, code)
	}
}
