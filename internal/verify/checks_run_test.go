package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

func TestRun_NoChecksAreAFailure(t *testing.T) {
	_, err := verify.Run(t.Context(), nil, nil, time.Now())
	got, _ := reason.Of(err)
	assert.Equal(t, reason.SmokeQuery, got)
}

func TestFailure_TheDataGoesBeforeWhatCouldNotBeJudged(t *testing.T) {
	pass := verify.Outcome{Check: "a", Status: verify.Passed, Reason: reason.None}
	skew := verify.Outcome{Check: "b", Status: verify.Failed, Reason: reason.ClockSkew}
	fewRows := verify.Outcome{Check: "c", Status: verify.Failed, Reason: reason.TooFewRows}
	stale := verify.Outcome{Check: "d", Status: verify.Failed, Reason: reason.StaleData}
	assert.Nil(t, verify.Failure([]verify.Outcome{pass, pass}))
	assert.Equal(t, "b", verify.Failure([]verify.Outcome{pass, skew}).Check)
	assert.Equal(t, "c", verify.Failure([]verify.Outcome{skew, pass, fewRows, stale}).Check)
}

// TestRun asks a real PostgreSQL: what it answers, how it refuses, how it dies.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what needs a real PostgreSQL")
	}
	server := startCluster(t)
	server.exec(t, "postgres",
		"CREATE DATABASE veza", "CREATE DATABASE closed ALLOW_CONNECTIONS false",
		"ALTER DATABASE veza SET statement_timeout = '20ms'", "ALTER DATABASE veza SET datestyle = 'SQL, DMY'",
		"ALTER DATABASE veza SET timezone = 'Asia/Kolkata'")
	server.exec(t, "veza",
		"SET statement_timeout = 0; CREATE TABLE users (id int PRIMARY KEY, name text, at timestamptz)",
		"SET statement_timeout = 0; INSERT INTO users SELECT n, 'u' || n, '2026-08-23 04:00:00+00' FROM "+
			"generate_series(1, 1000) n", "CREATE EXTENSION postgres_fdw",
		"CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw", "CREATE FOREIGN TABLE far (id int) SERVER self",
		"CREATE VIEW seen AS SELECT * FROM far", "CREATE DOMAIN amount AS numeric",
		"CREATE MATERIALIZED VIEW unfilled AS SELECT 1 WITH NO DATA")

	server.exec(t, "postgres", "CREATE DATABASE unfilled", "CREATE DATABASE far")
	server.exec(t, "unfilled", "CREATE MATERIALIZED VIEW users AS SELECT 1 WITH NO DATA")
	server.exec(t, "far", "CREATE EXTENSION postgres_fdw", "ALTER FOREIGN DATA WRAPPER postgres_fdw NO HANDLER",
		"CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw", "CREATE FOREIGN TABLE users (id int) SERVER self")

	t.Run("answers", func(t *testing.T) { testAnswers(t, server) })
	t.Run("smoke", func(t *testing.T) { testSmoke(t, server) })
	t.Run("all", func(t *testing.T) { testAllRun(t, server) })
	t.Run("deadline", func(t *testing.T) { testDeadline(t, server) })
	t.Run("death", func(t *testing.T) { testDeath(t, server) })
}

// endOfRecovery is the moment the tests measure ages from.
var endOfRecovery = time.Date(2026, 8, 23, 4, 0, 30, 0, time.UTC)

func testAnswers(t *testing.T, server *cluster) {
	for name, c := range map[string]struct {
		query, expect string
		want          reason.Reason
		says          string
	}{
		"enough rows": {
			"SELECT count(*) FROM users", "min: 1000", reason.None, "returned 1000, expected at least 1000",
		},
		"one row short": {
			"SELECT count(*) FROM users", "min: 1001", reason.TooFewRows, "returned 1000, expected at least 1001",
		},
		"no rounding":           {"SELECT 0.99999999999999999999::numeric", "min: 1", reason.TooFewRows, ""},
		"numeric trailing zero": {"SELECT 1.50::numeric", "equals: 1.5", reason.None, ""},
		"float":                 {"SELECT 0.1::float8", "equals: 0.1", reason.None, ""},
		"domain":                {"SELECT 7::amount", "equals: 7", reason.None, ""},
		"text": {
			"SELECT name FROM users WHERE id = 7", "equals: u7", reason.None, `returned "u7", expected "u7"`,
		},
		"other text": {"SELECT 'u7 '", "equals: u7", reason.TooFewRows, `returned "u7 ", expected "u7"`},
		"bool":       {"SELECT true", "equals: true", reason.None, ""},
		"other bool": {"SELECT false", "equals: true", reason.TooFewRows, ""},
		"show":       {"SHOW server_encoding", "equals: UTF8", reason.None, ""},
		"fresh": {
			"SELECT max(at) FROM users", "max_age: 1m", reason.None,
			"2026-08-23T04:00:00Z, expected at most 1m0s old; it is 30s old",
		},
		"stale": {"SELECT max(at) FROM users", "max_age: 29s", reason.StaleData, "it is 30s old"},
		"a little ahead": {
			"SELECT timestamptz '2026-08-23 04:00:35+00'", "max_age: 1s", reason.None, "it is 0s old",
		},
		"far ahead": {
			"SELECT timestamptz '2026-08-23 04:00:36+00'", "max_age: 1s", reason.ClockSkew,
			"6s after the end of recovery",
		},
		"infinity":        {"SELECT timestamptz 'infinity'", "max_age: 1h", reason.SmokeQuery, "infinity"},
		"minus infinity":  {"SELECT timestamptz '-infinity'", "max_age: 1h", reason.SmokeQuery, "-infinity"},
		"without zone":    {"SELECT now()::timestamp", "max_age: 1h", reason.SmokeQuery, "without time zone"},
		"number for age":  {"SELECT 5", "max_age: 1h", reason.SmokeQuery, "max_age needs a timestamptz"},
		"text for min":    {"SELECT '5'", "min: 1", reason.SmokeQuery, "min needs a number, and this is text"},
		"text for number": {"SELECT '5'", "equals: 5", reason.SmokeQuery, "equals is a number"},
		"number for text": {"SELECT 5", "equals: '5'", reason.SmokeQuery, "equals is text"},
		"text for bool":   {"SELECT 't'", "equals: true", reason.SmokeQuery, "equals is true or false"},
		"not a number":    {"SELECT 'NaN'::numeric", "min: 1", reason.SmokeQuery, "NaN"},
		"infinite":        {"SELECT 'Infinity'::float8", "min: 1", reason.SmokeQuery, "Infinity"},
		"null": {
			"SELECT max(at) FROM users WHERE false", "max_age: 1h", reason.SmokeQuery, "returned NULL",
		},
		"no row": {"SELECT id FROM users WHERE false", "min: 1", reason.SmokeQuery, "returned no row"},
		"two rows": {
			"SELECT id FROM users WHERE id < 3", "min: 1", reason.SmokeQuery, "more than one row",
		},
		"endless rows": {
			"SELECT 1 FROM users a, users b, users c, users d", "min: 1", reason.SmokeQuery, "more than one row",
		},
		"two columns":      {"SELECT 1, 2", "min: 1", reason.SmokeQuery, "2 columns"},
		"no column":        {"SELECT FROM users WHERE id = 1", "min: 1", reason.SmokeQuery, "0 columns"},
		"no result at all": {"COMMIT", "min: 1", reason.SmokeQuery, "0 columns"},
		"comment only":     {"-- SELECT 1", "min: 1", reason.SmokeQuery, "0 columns"},
		"two statements":   {"SELECT 1; SELECT 2", "min: 1", reason.SmokeQuery, "42601"},
		"syntax":           {"SELEC 1", "min: 1", reason.SmokeQuery, "42601"},
		"argument":         {"SELECT $1::int", "min: 1", reason.SmokeQuery, "expected 1 arguments"},
		"late error": {
			"SELECT 1 / (1 - max(id % 2)) FROM users", "min: 1", reason.SmokeQuery, "division by zero",
		},
		"writes": {
			"INSERT INTO users VALUES (0) RETURNING id", "equals: 0", reason.SmokeQuery, "read-only transaction",
		},
		"foreign table": {"SELECT count(*) FROM far", "min: 1", reason.SmokeQuery, "foreign"},
		"without data": {
			"SELECT count(*) FROM unfilled", "min: 1", reason.SmokeQuery, "REFRESH MATERIALIZED VIEW",
		},
		"view on foreign table": {"SELECT count(*) FROM seen", "min: 1", reason.SmokeQuery, "foreign"},
		"longer than timeout":   {"SELECT 1 FROM pg_sleep(0.05)", "equals: 1", reason.None, ""},
		// What a function of the data says is not the server's word: see TestErrorOutcome.
		"says corrupt":       {raise("XX001"), "min: 1", reason.SmokeQuery, "XX001"},
		"says corrupt index": {raise("XX002"), "min: 1", reason.SmokeQuery, "XX002"},
		"says no space":      {raise("53100"), "min: 1", reason.SmokeQuery, "53100"},
		"says no memory":     {raise("53200"), "min: 1", reason.SmokeQuery, "53200"},
		"says shut down":     {raise("57P01"), "min: 1", reason.SmokeQuery, "57P01"},
		"says cancelled":     {raise("57014"), "min: 1", reason.SmokeQuery, "57014"},
	} {
		t.Run(name, func(t *testing.T) {
			checks, err := verify.ParseChecks("c.yaml", []byte("- name: it\n  query: |\n    "+c.query+"\n  "+c.expect),
				"veza")
			require.NoError(t, err)
			outcomes, err := verify.Run(deadline(t), server.connect, checks, endOfRecovery)
			require.NoError(t, err)
			require.Len(t, outcomes, 1)
			assert.Equal(t, c.want, outcomes[0].Reason, outcomes[0].Sentence)
			assert.Equal(t, c.want == reason.None, outcomes[0].Status == verify.Passed)
			assert.Contains(t, outcomes[0].Sentence, "check it in database veza: ")
			assert.Contains(t, outcomes[0].Sentence, c.says)
		})
	}
}

// raise is a query that fails with a SQLSTATE.
func raise(code string) string { return "SELECT pg_temp.fail('" + code + "')" }

func testSmoke(t *testing.T, server *cluster) {
	run := func(database string, least int64) verify.Outcome {
		outcomes, err := verify.Run(deadline(t), server.connect, []verify.Check{verify.SmokeCheck(database, least)},
			endOfRecovery)
		require.NoError(t, err)
		require.Len(t, outcomes, 1)
		return outcomes[0]
	}
	assert.Equal(t, verify.Outcome{
		Check: "users", Status: verify.Passed, Reason: reason.None, Value: 1000, Numeric: true,
		Sentence: "check users in database veza: SELECT count(*) FROM users returned 1000, expected at least 1000",
	}, run("veza", 1000))

	few := run("veza", 1001)
	assert.Equal(t, reason.TooFewRows, few.Reason)
	assert.InDelta(t, 1000, few.Value, 0, "what came back is published although it is too little")
	assert.True(t, few.Numeric)

	for _, database := range []string{"postgres", "nowhere"} {
		missing := run(database, 1)
		assert.Equal(t, reason.SmokeQuery, missing.Reason)
		assert.False(t, missing.Numeric, "a value nobody returned is not published as 0")
		assert.Contains(t, missing.Sentence,
			"databases that have a table users: veza (schema public); name one with -database")
	}
	unfilled := run("unfilled", 1).Sentence
	assert.Contains(t, unfilled, "REFRESH MATERIALIZED VIEW in production")
	assert.NotContains(t, unfilled, "foreign")
	foreign := run("far", 1).Sentence
	assert.Contains(t, foreign, "a foreign table is not asked")
	assert.Contains(t, foreign, "databases that have a table users: veza", "twin")
}

func testAllRun(t *testing.T, server *cluster) {
	checks, err := verify.ParseChecks("c.yaml", []byte(`
- {name: broken, query: SELEC, min: 1}
- {name: missing, database: nowhere, query: SELECT 1, min: 1}
- {name: fine, query: SELECT 1, min: 1}
- {name: few, query: SELECT 1, min: 2}
`), "veza")
	require.NoError(t, err)
	outcomes, err := verify.Run(deadline(t), server.connect, checks, endOfRecovery)
	require.NoError(t, err)
	var got []string
	for _, o := range outcomes {
		got = append(got, o.Check+" "+string(o.Reason))
	}
	assert.Equal(t, []string{"broken smoke_query", "missing smoke_query", "fine none", "few too_few_rows"}, got)
	assert.Equal(t, "broken", verify.Failure(outcomes).Check)

	outcomes, err = verify.Run(deadline(t), refusing("nowhere", server.connect), checks[1:], endOfRecovery)
	require.NoError(t, err)
	require.Len(t, outcomes, 3)
	assert.Equal(t, reason.SandboxFailed, outcomes[0].Reason, outcomes[0].Sentence)
	assert.Equal(t, verify.Passed, outcomes[1].Status, outcomes[1].Sentence)
	assert.Equal(t, reason.TooFewRows, verify.Failure(outcomes).Reason, "what is found elsewhere goes before it")
}

// refusing connects, but to one database, whose session it cannot make ready.
func refusing(name string, connect verify.Connect) verify.Connect {
	return func(ctx context.Context, database string) (*pgx.Conn, error) {
		if database == name {
			return nil, &pgconn.PgError{Code: "42501", Message: "permission denied to set parameter"}
		}
		return connect(ctx, database)
	}
}

// One database where the drill's own session cannot be made ready keeps no check of another one from being asked.
func TestRun_GoesOnPastADatabaseThatRefusesTheSession(t *testing.T) {
	damaged := func(context.Context, string) (*pgx.Conn, error) {
		return nil, &pgconn.PgError{Code: "XX001", Message: "invalid page in block 7", File: "bufmgr.c"}
	}
	checks := []verify.Check{verify.SmokeCheck("hardened", 1), verify.SmokeCheck("veza", 1)}
	outcomes, err := verify.Run(t.Context(), refusing("hardened", damaged), checks, endOfRecovery)
	require.NoError(t, err)
	require.Len(t, outcomes, 2)
	assert.Equal(t, reason.SandboxFailed, outcomes[0].Reason)
	assert.Equal(t, reason.PageChecksum, verify.Failure(outcomes).Reason)
	outcomes, err = verify.Run(t.Context(), refusing("hardened", damaged), checks[:1], endOfRecovery)
	require.NoError(t, err)
	assert.Equal(t, reason.SandboxFailed, verify.Failure(outcomes).Reason, "alone it is no pass")
}

func testDeadline(t *testing.T, server *cluster) {
	why := errors.New("the operator went home")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, why)
	defer cancel()
	checks, err := verify.ParseChecks("c.yaml", []byte("- {name: slow, query: 'SELECT 1 FROM pg_sleep(600)', min: 1}"),
		"veza")
	require.NoError(t, err)
	began := time.Now()
	_, err = verify.Run(ctx, server.connect, checks, endOfRecovery)
	require.ErrorIs(t, err, why)
	_, classified := reason.Of(err)
	assert.False(t, classified, "whose deadline it was is the caller's to say")
	assert.Less(t, time.Since(began), 5*time.Minute, "nobody waits for the query")
}

// testDeath comes last: it kills the server.
func testDeath(t *testing.T, server *cluster) {
	checks, err := verify.ParseChecks("c.yaml", []byte(`
- {name: before, query: SELECT 1, min: 2}
- {name: during, query: SELECT 1 FROM pg_sleep(60), min: 1}
- {name: after, query: SELECT 1, min: 1}
`), "veza")
	require.NoError(t, err)
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		if server.connections.Load() == 1 { // this is the second check
			time.AfterFunc(time.Second, server.Kill)
		}
		return server.connect(ctx, database)
	}
	server.connections.Store(0)
	outcomes, err := verify.Run(deadline(t), connect, checks, endOfRecovery)
	require.ErrorContains(t, err, "check during")
	_, classified := reason.Of(err)
	assert.False(t, classified, "a dead server says nothing about the data")
	require.Len(t, outcomes, 1)
	assert.Equal(t, reason.TooFewRows, verify.Failure(outcomes).Reason, "what was found before it died still stands")

	_, err = verify.Run(deadline(t), server.connect, checks, endOfRecovery)
	require.Error(t, err, "nobody is there to be asked")
	_, classified = reason.Of(err)
	assert.False(t, classified)
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestRun_RefusesToSpeakOfAServerThatIsNotThere(t *testing.T) {
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		return pgx.Connect(ctx, "host="+t.TempDir()+" user=nobody dbname="+database)
	}
	outcomes, err := verify.Run(deadline(t), connect, []verify.Check{verify.SmokeCheck("postgres", 1)}, endOfRecovery)
	require.Error(t, err)
	assert.Empty(t, outcomes)
	assert.True(t, strings.HasPrefix(err.Error(), "check users in database postgres: "), err.Error())
}
