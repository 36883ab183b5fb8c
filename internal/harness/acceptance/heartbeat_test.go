package acceptance

import (
	"context"
	"sync"
	"testing"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// The heartbeat makes the RPO tell; where there is none, or it is in the wrong place or of
// the wrong kind, the report says what the RPO is made of.
func TestHeartbeat(t *testing.T) { heartbeatFaults.run(t) }

var heartbeatFaults = faults("TestHeartbeat", beating, []fault{
	{
		name: "InAnotherDatabase",
		exit: 0, why: reason.None, words: "the heartbeat is in database beats | no heartbeat: its columns are not",
	},
	{
		name: "BudgetThatCannotBeKept",
		exit: 0, why: reason.None, words: "old by design (archive_timeout 1m0s, an interval of 25h0m0s",
	},
	{
		name: "TooOld", args: "-rpo 1ms",
		exit: 1, why: reason.RPOExceeded, words: "the newest heartbeat row that came back is", step: "verify",
	},
	{
		name: "OfAClusterThatWasLeft", inject: upgradedStanza, env: "PATH={dir}/path", args: "-set {newest} -rpo 1ms",
		left: true, exit: 0, why: reason.None,
		words: "of a cluster before a stanza-upgrade, and what a disaster of now would cost",
	},
})

// Without a beat nothing is judged: an idle primary loses nothing.
func TestNoHeartbeat(t *testing.T) { noHeartbeatFaults.run(t) }

var noHeartbeatFaults = faults("TestNoHeartbeat", silenced, []fault{
	{
		name: "Idle", args: "-rpo 1ms",
		exit: 0, why: reason.None,
		words: "the RPO is derived from the last replayed commit | reported, not judged" +
			" | is empty: nobody writes any",
	},
})

// A writer that stopped makes the beats old while the data is not: the sentence says so.
func TestStoppedHeartbeat(t *testing.T) { stoppedHeartbeatFaults.run(t) }

var stoppedHeartbeatFaults = faults("TestStoppedHeartbeat", stopped, []fault{
	{
		name: "CommitsGoOn", args: "-rpo 10m",
		exit: 1, why: reason.RPOExceeded,
		step:  "verify",
		words: "the newest heartbeat row that came back is 2 | whoever writes the heartbeat has stopped",
	},
})

// A primary whose clock is ahead makes every age a guess.
func TestClockAhead(t *testing.T) { clockAheadFaults.run(t) }

var clockAheadFaults = faults("TestClockAhead", ahead, []fault{
	{name: "ByADay", exit: 2, why: reason.ClockSkew, words: "the newest heartbeat is 23", step: "verify"},
	{name: "AndRTOSpent", args: "-rto 1ms", exit: 1, why: reason.RTOExceeded, words: "1ms", step: "verify"},
})

// seeded makes a seed of a small cluster without heartbeat rows in the background, by statements.
func seeded(name string, statements map[string][]string) func() (liveSeed, error) {
	return sync.OnceValues(func() (liveSeed, error) {
		ctx, cancel := context.WithTimeout(context.Background(), seedTime)
		defer cancel()
		c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, name)
		if err != nil {
			return liveSeed{}, err
		}
		marks := map[string]mark{}
		s, err := c.settle(ctx, name, marks,
			func() error { return c.Stop(ctx) },
			func() error { return c.Start(ctx) },
			func() error { return c.sql(ctx, "postgres", `CREATE DATABASE beats`) },
			func() error { return c.sql(ctx, "postgres", statements["postgres"]...) },
			func() error { return c.sql(ctx, "beats", statements["beats"]...) },
			func() error { return c.grow(ctx) },
			func() error { return c.grow(ctx) },
		)
		return liveSeed{c, s}, err
	})
}

var (
	beating = seeded("beating", map[string][]string{
		"postgres": {`ALTER TABLE veza_heartbeat ALTER COLUMN beat_at TYPE text`},
		"beats": {
			`CREATE TABLE veza_heartbeat (seq bigint PRIMARY KEY, beat_at timestamptz NOT NULL, lsn pg_lsn NOT NULL)`,
			`INSERT INTO veza_heartbeat
				SELECT i, clock_timestamp() - (100 - i) * interval '25 hours', pg_current_wal_insert_lsn()
				FROM generate_series(1, 100) i`,
		},
	})
	silenced = seeded("silenced", map[string][]string{"postgres": {`TRUNCATE veza_heartbeat`}})
	stopped  = seeded("stopped", map[string][]string{
		"postgres": {`UPDATE veza_heartbeat SET beat_at = beat_at - interval '20 hours'`},
	})
	ahead = seeded("ahead", map[string][]string{
		"postgres": {`UPDATE veza_heartbeat SET beat_at = beat_at + interval '10 days'`},
	})
)
