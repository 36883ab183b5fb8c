package acceptance

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Settings that only say where a cluster lived, tablespaces, another name for the
// superuser, a configuration that is gone or broken: none of it makes a drill red.
func TestHostileCluster(t *testing.T) { hostileClusterFaults.run(t) }

var hostileClusterFaults = faults("TestHostileCluster", hostile, []fault{
	{name: "ConfIncludesWhatIsGone", where: everywhere, exit: 0, why: reason.None, words: "gone_too"},
	{
		name: "PgCronAndSubscriptionsActive", where: everywhere,
		exit: 0, why: reason.None,
		words: "must not run: pg_cron | 2 jobs of pg_cron in database postgres, active, and not run here" +
			" | 1 subscription in the data, enabled, and not run here: far in database postgres",
	},
	{
		name: "ConfMissing", args: "-set {missingconf}",
		exit: 0, why: reason.None, words: "postgresql.conf: not in the backup",
	},
	{name: "UsersEmpty", args: "-database empty", exit: 1, why: reason.TooFewRows, words: "empty"},
	{
		name: "Tablespace", where: everywhere,
		inject: checks("- {name: far, query: SELECT count(*) FROM far_away, equals: 777}\n"),
		args:   "-checks {dir}/checks.yml",
		exit:   0, why: reason.None,
	},
})

// The primary knows of segments that are missing at the very end, which no listing shows.
func TestPrimary(t *testing.T) { primaryFaults.run(t) }

var primaryFaults = faults("TestPrimary", hostile, []fault{
	{name: "Agrees", inject: upToDate, env: "DRILL_PRIMARY={primary}", exit: 0, why: reason.None},
	{
		name: "KnowsOfMore", inject: without(archived("{last}")), env: "DRILL_PRIMARY={primary}",
		exit: 1, why: reason.WALMissing, words: "the primary says it archived",
	},
	{
		name: "Refuses", env: "DRILL_PRIMARY=host=/nonexistent user=boss",
		exit: 2, why: reason.ConfigInvalid, words: "-primary",
	},
	{
		name: "Password", env: "DRILL_PRIMARY=host=/nonexistent user=boss password=secretsecret",
		exit: 2, why: reason.ConfigInvalid, words: "password",
	},
})

// upToDate copies what the living cluster has archived since.
func upToDate(rc *repoCopy) {
	l, err := hostile()
	require.NoError(rc.t, err)
	archive := filepath.Join(l.Machine.Dir("data"), "repo", "archive")
	require.NoError(rc.t, copyTree(archive+"/.", filepath.Join(rc.repo(), "archive")))
}

// The tablespace of the living cluster is the one thing a restore could overwrite
// without being asked: it is as it was, and in use.
func TestHostileCluster_LivesOnUntouched(t *testing.T) {
	long(t)
	l, err := hostile()
	require.NoError(t, err)
	cores <- struct{}{}
	defer func() { <-cores }()
	elsewhere := filepath.Join(l.Machine.Dir("data"), "elsewhere")
	before := listing(t, elsewhere)
	require.NotEmpty(t, before)
	fault{exit: 0, why: reason.None}.runOn(newCopy(t, l.seed))
	assert.Equal(t, before, listing(t, elsewhere))
	// The replay of CREATE TABLESPACE names the original place, whatever was mapped.
	late := madeAfterTheBackup
	late.words += elsewhere + ": it is redirected"
	late.runOn(newCopy(t, l.seed))
	assert.Equal(t, before, listing(t, elsewhere))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	require.NoError(t, l.sql(ctx, "postgres", `SELECT count(*) FROM far_away`))
}

var madeAfterTheBackup = singleFault("TestHostileCluster_LivesOnUntouched", fault{
	inject: checks("- {name: far, query: SELECT count(*) FROM far_away, equals: 777}\n"),
	args:   "-set {full} -checks {dir}/checks.yml",
	exit:   0, why: reason.None, words: "was made after the backup, at ",
})
