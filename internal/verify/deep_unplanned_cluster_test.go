package verify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// unplanned are tables that cannot be asked by a session without their search_path, or without a library, and one whose
// sequence lags.
var unplanned = []string{
	`CREATE SCHEMA ext; CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
		CREATE FUNCTION norm(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'`,
	`CREATE TABLE person (id serial PRIMARY KEY, name text)`, `INSERT INTO person (name) VALUES ('x')`,
	// 17 and later make such an index no more, and keep one that an upgrade brought.
	`CREATE INDEX person_norm ON person (norm(name)); CREATE OR REPLACE FUNCTION norm(text) RETURNS text LANGUAGE sql
		IMMUTABLE AS 'SELECT plain($1)'; ALTER FUNCTION plain SET SCHEMA ext`,
	`CREATE TABLE late (id serial PRIMARY KEY)`, `INSERT INTO late SELECT generate_series(1, 9)`,
	`SELECT setval('late_id_seq', 4)`,
}

// A table that cannot be planned keeps no sequence of another one from being compared, and no check from being made.
func TestDeep_WhatCannotBePlannedHidesNothingElse(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the cluster ends with the test
	exec := func(statements ...string) {
		for _, statement := range statements {
			_, err := conn.Exec(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	}
	exec(unplanned...)
	path := "public"
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		conn, err := c.connect(ctx, database)
		if err == nil {
			_, err = conn.Exec(ctx, "SET search_path = "+path)
		}
		return conn, err
	}
	run := func() (sequences, next verify.Outcome) {
		outcomes, err := verify.Deep{Superuser: c.connect, Connect: connect, Workers: 1}.
			Run(t.Context(), []string{"sequences", "full_read"}, 10*time.Minute)
		require.NoError(t, err)
		for _, o := range outcomes {
			switch o.Check {
			case "sequences":
				sequences = o
			case "full_read":
				next = o
			}
		}
		return sequences, next
	}
	const lags = "column id of table public.late is at 9 already: number 5 is there"
	const unread = "sequence public.person_id_seq of table public.person was not compared: "

	o, next := run()
	assert.Equal(t, reason.StaleData, o.Reason, o.Sentence)
	assert.Contains(t, o.Sentence, lags)
	assert.Contains(t, strings.Join(o.Notes, "\n"), unread+"function plain(text) does not exist (SQLSTATE 42883)")
	assert.Equal(t, verify.Passed, next.Status, next.Sentence)

	path = "public, ext" // as ConnectReader sets what only the bootstrap superuser's ALTER ROLE says
	o, _ = run()
	assert.Contains(t, o.Sentence, lags)
	assert.NotContains(t, strings.Join(o.Notes, "\n"), "person")

	exec(`CREATE EXTENSION hstore; CREATE TABLE tagged (id serial PRIMARY KEY, n text);
		CREATE INDEX ON tagged ((('a=>1'::hstore -> 'a') || n));
		UPDATE pg_proc SET probin = '/nowhere/hstore' WHERE probin = '$libdir/hstore'`)
	o, _ = run()
	assert.Contains(t, o.Sentence, lags)
	assert.Contains(t, o.Sentence, "(and 1 more)", "a library that is not here is another finding")
	exec(`SELECT setval('late_id_seq', 9)`)
	o, _ = run()
	assert.Equal(t, reason.ToolMissing, o.Reason, o.Sentence)
	assert.Contains(t, o.Sentence, "sequence public.tagged_id_seq of table public.tagged was not compared: could not")
}
