package standby_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/wait"
)

// production is a seeded cluster with a standby.
func production(t *testing.T) *source.Seeded {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it needs a PostgreSQL")
	}
	machine, err := process.Provider{}.Launch(t.Context(), sandbox.Spec{Stanza: "standby", Run: "standbytest"})
	require.NoError(t, err)
	s := &source.Seeded{Machine: machine, Rows: 500}
	t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
	_, err = s.Open(t.Context(), t.Logf)
	require.NoError(t, err)
	require.NoError(t, s.Follow(t.Context()))
	return s
}

func connect(t *testing.T, config *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func open(t *testing.T, s *source.Seeded) *standby.Standby {
	t.Helper()
	config, err := s.Standby()
	require.NoError(t, err)
	opened, err := standby.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { opened.Close(context.Background()) })
	return opened
}

func state(t *testing.T, conn *pgx.Conn) (said string) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT pg_get_wal_replay_pause_state()").Scan(&said))
	return said
}

// caughtUp waits until a standby has replayed all that was committed on its primary. What was committed without
// synchronous_commit lies beyond pg_current_wal_lsn() for a while: a commit that waits for its WAL comes first.
func caughtUp(t *testing.T, primary, follower *pgx.Conn) {
	t.Helper()
	require.NoError(t, source.Each(t.Context(), primary, []string{
		`BEGIN`, `SET LOCAL synchronous_commit = local`, `SELECT pg_logical_emit_message(true, 'here', '')`, `COMMIT`,
	}))
	var end string
	require.NoError(t, primary.QueryRow(t.Context(), `SELECT pg_current_wal_lsn()::text`).Scan(&end))
	require.NoError(t, wait.For(t.Context(), "the standby", 20*time.Millisecond, func(ctx context.Context) error {
		_, not := follower.Exec(ctx, `SELECT 1 / (pg_last_wal_replay_lsn() >= $1::pg_lsn)::int`, end)
		return not
	}))
}

func TestStandby(t *testing.T) {
	s := production(t)
	config, err := s.Standby()
	require.NoError(t, err)
	beside := connect(t, config)

	t.Run("FreezesAndGoesOn", func(t *testing.T) {
		o := open(t, s)
		f, err := o.Freeze(t.Context())
		require.NoError(t, err)
		t.Logf("paused for %s at %s", f.Pause, f.At)
		assert.Equal(t, "not paused", state(t, beside))
		assert.NotZero(t, f.At)
		left, err := o.Digest(t.Context(), &f, standby.Ask{Seeds: compare.NewSeeds()})
		require.NoError(t, err)
		assert.Empty(t, left)
		rows := int64(0)
		for part, d := range f.Side.Digests {
			assert.Empty(t, d.Unread, "%s", f.Side.Objects[part.ID].Name)
			if f.Side.Objects[part.ID].Name == "public.users" {
				rows += d.Rows
			}
		}
		assert.EqualValues(t, 500, rows)
		for _, l := range f.Side.LeftOut {
			assert.Equal(t, "template0", l.Database, "%s", l)
		}
		again := compare.Compare(f.Side, f.Side)
		assert.Empty(t, again.Differences)
		assert.Zero(t, again.Missing)
		assert.InDelta(t, 1, again.Coverage(), 0)
	})
	// A snapshot that is exported on a standby would show what commits later, once a transaction in progress has many
	// subtransactions.
	t.Run("WhatWasInProgressStaysSo", func(t *testing.T) {
		primary, err := s.Connect(t.Context())
		require.NoError(t, err)
		defer primary.Close(context.Background()) //nolint:errcheck // what was written is committed
		require.NoError(t, source.Each(t.Context(), primary, []string{
			`CREATE TABLE pending (n int)`, `INSERT INTO pending VALUES (0)`, `BEGIN`,
			`DO $$ BEGIN FOR i IN 1..200 LOOP BEGIN INSERT INTO pending VALUES (i);
				EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`,
		}))
		aside, err := s.Connect(t.Context())
		require.NoError(t, err)
		defer aside.Close(context.Background()) //nolint:errcheck // it only switches
		caughtUp(t, aside, beside)
		o := open(t, s)
		f, err := o.Freeze(t.Context())
		require.NoError(t, err)
		require.NoError(t, source.Each(t.Context(), primary, []string{`COMMIT`}))
		caughtUp(t, aside, beside)
		_, err = o.Digest(t.Context(), &f, standby.Ask{Seeds: compare.NewSeeds()})
		require.NoError(t, err)
		for part, d := range f.Side.Digests {
			if f.Side.Objects[part.ID].Name == "public.pending" {
				assert.EqualValues(t, 1, d.Rows, "of a transaction that was in progress")
			}
		}
	})
	// The planner evaluates expressions of indexes and statistics whatever is asked of a table, as whoever asks.
	t.Run("CodeOfTheDataIsNotRun", func(t *testing.T) {
		primary, err := s.Connect(t.Context())
		require.NoError(t, err)
		defer primary.Close(context.Background()) //nolint:errcheck // what was written is committed
		require.NoError(t, source.Each(t.Context(), primary, []string{
			`CREATE FUNCTION trap(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
				IF current_setting('application_name') = 'veza-compare' THEN
					RAISE 'the data''s code ran'; END IF; RETURN 1; END $$`,
			`CREATE TABLE coded AS SELECT i AS id FROM generate_series(1, 9) i`,
			`CREATE INDEX ON coded (id) WHERE trap(1) = 1`,
			`CREATE TABLE counted AS SELECT i AS id, i AS n FROM generate_series(1, 9) i`,
			`CREATE STATISTICS of_counted ON (id + trap(2)), n FROM counted`,
			`CREATE TABLE built AS SELECT i AS id, 'x'::text AS body FROM generate_series(1, 9) i`,
			`CREATE INDEX ON built (lower(body)) WHERE id > abs(-1) AND body ~ upper('x')`,
			`CREATE STATISTICS of_built ON (id % 7), (lower(body)) FROM built`,
		}))
		caughtUp(t, primary, beside)
		o := open(t, s)
		f, err := o.Freeze(t.Context())
		require.NoError(t, err)
		_, err = o.Digest(t.Context(), &f, standby.Ask{Seeds: compare.NewSeeds()})
		require.NoError(t, err)
		assert.EqualValues(t, 9, named(t, f.Side, "public.built").Rows)
		var left []string
		for _, l := range f.Side.LeftOut {
			if l.Database == "postgres" {
				left = append(left, l.Name)
				assert.True(t, l.Code, "%s", l)
				assert.Contains(t, l.String(), "calls functions of the data")
			}
		}
		assert.ElementsMatch(t, []string{"public.coded", "public.counted"}, left)
		same := compare.Compare(f.Side, f.Side)
		assert.Zero(t, same.Missing)
		assert.Less(t, same.Coverage(), 1.0)
	})
	t.Run("SessionsThatAreEndedAreWorthAnotherRound", func(t *testing.T) {
		o := open(t, s)
		f, err := o.Freeze(t.Context())
		require.NoError(t, err)
		_, err = beside.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
		_, err = o.Digest(t.Context(), &f, standby.Ask{Seeds: compare.NewSeeds()})
		why, _ := reason.Of(err)
		assert.Equal(t, reason.StandbyUnusable, why, "%v", err)
		assert.True(t, standby.Conflict(err), "%v", err)
		f, err = o.Freeze(t.Context())
		require.NoError(t, err)
		_, err = o.Digest(t.Context(), &f, standby.Ask{Seeds: compare.NewSeeds()})
		require.NoError(t, err)
	})
	t.Run("LeavesAnOperatorsPause", func(t *testing.T) {
		_, err := beside.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
		require.NoError(t, err)
		_, err = open(t, s).Freeze(t.Context())
		why, _ := reason.Of(err)
		assert.Equal(t, reason.StandbyUnusable, why, "%v", err)
		assert.NotEqual(t, "not paused", state(t, beside))
		_, err = beside.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
		require.NoError(t, err)
	})
	t.Run("RefusesAPrimary", func(t *testing.T) {
		primary, err := s.Connect(t.Context())
		require.NoError(t, err)
		defer primary.Close(context.Background()) //nolint:errcheck // only asked for its configuration
		_, err = standby.Open(t.Context(), primary.Config())
		why, _ := reason.Of(err)
		assert.Equal(t, reason.StandbyUnusable, why, "%v", err)
		assert.ErrorContains(t, err, "is no standby")
	})
	t.Run("MayNotPause", func(t *testing.T) {
		primary, err := s.Connect(t.Context())
		require.NoError(t, err)
		defer primary.Close(context.Background()) //nolint:errcheck // what was written is committed
		_, err = primary.Exec(t.Context(), "CREATE ROLE nobody_much LOGIN")
		require.NoError(t, err)
		other := config.Copy()
		other.User = "nobody_much"
		var o *standby.Standby
		come := func(ctx context.Context) (err error) {
			o, err = standby.Open(ctx, other)
			return err
		}
		var refused error
		require.NoError(t, wait.For(t.Context(), "the role", 20*time.Millisecond, func(ctx context.Context) error {
			refused = come(ctx)
			if refused == nil || strings.Contains(refused.Error(), "may not read the data") {
				return nil
			}
			return refused // the role is not there yet
		}))
		why, _ := reason.Of(refused)
		assert.Equal(t, reason.StandbyUnusable, why)
		require.ErrorContains(t, refused, `GRANT pg_read_all_data TO "nobody_much"`)
		_, err = primary.Exec(t.Context(), "GRANT pg_read_all_data TO nobody_much")
		require.NoError(t, err)
		require.NoError(t, wait.For(t.Context(), "the right to read", 20*time.Millisecond, come))
		defer o.Close(context.Background())
		_, err = o.Freeze(t.Context())
		why, _ = reason.Of(err)
		assert.Equal(t, reason.StandbyUnusable, why, "%v", err)
		assert.ErrorContains(t, err, "needs EXECUTE on pg_wal_replay_pause")
	})
	// Last: it promotes.
	t.Run("APromotionIsNoDifference", func(t *testing.T) {
		attributes := config.Copy()
		attributes.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsStandby
		o, err := standby.Open(t.Context(), attributes)
		require.NoError(t, err)
		defer o.Close(context.Background())
		f, err := o.Freeze(t.Context())
		require.NoError(t, err)
		_, err = beside.Exec(t.Context(), "SELECT pg_promote()")
		require.NoError(t, err)
		_, err = o.Digest(t.Context(), &f, standby.Ask{})
		why, _ := reason.Of(err)
		assert.Equal(t, reason.StandbyUnusable, why, "%v", err)
		assert.ErrorContains(t, err, "promoted")
	})
}
