package acceptance

import (
	"context"
	"maps"
	"sync"
	"testing"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// A heartbeat that nobody writes any more hides no living one, wherever that is.
func TestAbandonedHeartbeat(t *testing.T) { abandonedFaults.run(t) }

var abandonedFaults = faults("TestAbandonedHeartbeat", abandoned, []fault{
	{
		name: "BesideALivingOne", // the other one is older than any budget of these rows
		exit: 0, why: reason.None,
		words: "database postgres: the newest row of public.veza_heartbeat is of | nobody writes it any more" +
			" | the heartbeat is in database beats, table monitoring.veza_heartbeat",
	},
})

var abandoned = seeded("abandoned", map[string][]string{
	"postgres": {`UPDATE veza_heartbeat SET beat_at = beat_at - interval '3 days'`},
	"beats": {
		`CREATE SCHEMA monitoring`,
		`CREATE TABLE monitoring.veza_heartbeat (seq bigint, beat_at timestamptz, lsn pg_lsn)`,
		`INSERT INTO monitoring.veza_heartbeat SELECT i, clock_timestamp() - (10 - i) * interval '1 second',
			pg_current_wal_insert_lsn() FROM generate_series(1, 10) i`,
	},
})

// A backup of a stopped server is whole without WAL, and a plain restore of it replays none.
func TestOffline(t *testing.T) { offlineFaults.run(t) }

// TestOfflineAndMore is the same set when something was committed since.
func TestOfflineAndMore(t *testing.T) { offlineAndMoreFaults.run(t) }

var offlineFaults = faults("TestOffline", offline, []fault{
	{
		name: "NothingCommittedSince", where: everywhere,
		exit: 0, why: reason.None, words: "{newest} was taken offline (--no-online) | archive whole over timeline 1",
	},
	{
		name: "NothingArchivedSince", inject: without(archived("{last}")),
		exit: 0, why: reason.None, words: "nothing is archived behind the offline backup set {newest}",
	},
})

var offlineAndMoreFaults = faults("TestOfflineAndMore", offlineAndMore, []fault{
	{
		name: "CommittedSince", exit: 1, why: reason.RecoveryIncomplete, step: "verify",
		words: "{newest} was taken offline (--no-online) | replays nothing of the archive",
	},
	{name: "TheSetBeforeIt", args: "-set {full}", exit: 0, why: reason.None},
	{
		name: "ItsSegmentMissing", inject: without(archived("{first}")),
		exit: 1, why: reason.WALMissing, words: "{first} is missing", step: "recover",
	},
})

var offline = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "offline")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	if err = inOrder(
		func() error { return c.sql(ctx, "postgres", `ALTER SYSTEM SET autovacuum = off`) }, // it commits as well
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full", "--no-online") },
		func() error { return c.Start(ctx) },
		func() error { return c.archive(ctx) },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "offline", marks)
	return liveSeed{c, s}, err
})

var offlineAndMore = sync.OnceValues(func() (liveSeed, error) {
	before, err := offline()
	if err != nil {
		return liveSeed{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, marks := before.cluster, map[string]mark{}
	if err = inOrder(
		func() error { return c.Start(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "offlineandmore", marks)
	if err == nil {
		s.names["first"] = before.names["last"]
	}
	return liveSeed{c, s}, err
})

// What another cluster says of its archive is no word on this one, in either suite.
func TestOtherPrimary(t *testing.T) { otherPrimaryFaults.run(t) }

// TestChecks_OtherPrimary asks the same of the backup checks.
func TestChecks_OtherPrimary(t *testing.T) { otherPrimaryChecks.run(t) }

var otherPrimaryFaults = faults("TestOtherPrimary", besideAnother, []fault{
	{
		name: "Drilled", env: "DRILL_PRIMARY={other}", step: "preflight",
		exit: 2, why: reason.ConfigInvalid, words: "-primary names the cluster with system identifier",
	},
})

var otherPrimaryChecks = register("TestChecks_OtherPrimary", besideAnother, []row{
	checkFault{
		name: "Checked", env: "DRILL_PRIMARY={other}",
		exit: 2, why: reason.ConfigInvalid, words: "-primary names the cluster with system identifier",
	},
})

// besideAnother is the plain seed, and a cluster that is none of its.
var besideAnother = sync.OnceValues(func() (liveSeed, error) {
	l, err := plain()
	if err != nil {
		return l, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	other, err := newCluster(ctx, &source.Seeded{Rows: 10}, "other")
	if err != nil {
		return l, err
	}
	s := *l.seed
	s.names = maps.Clone(s.names)
	s.names["other"] = "host=" + other.socket() + " port=5432 user=postgres dbname=postgres sslmode=disable"
	return liveSeed{l.cluster, &s}, nil
})
