package acceptance

import (
	"testing"

	"veza.fr/recovery/internal/reason"
)

// Two backups of one cluster are replayed to one position, and must be the same there.
func TestCompareSets(t *testing.T) { compareSetsFaults.run(t) }

// withSets compares a backup with the full before it.
func withSets(set string) string { return "-deep none -compare sets -set {" + set + "}" }

var compareSetsFaults = faults("TestCompareSets", sets, []fault{
	{
		name: "Differential", args: withSets("diff"), exit: 0, why: reason.None,
		words: "comparing set {diff} with the full backup before it, {oldest} | the same as set {oldest} at | " +
			"is redirected into the sandbox | not compared: database template0: it takes no connections",
	},
	{
		name: "Incremental", args: withSets("incr"), exit: 0, why: reason.None,
		words: "the same as set {oldest} at | not compared: public.coded in database kept: an expression of its " +
			"indexes or statistics calls functions of the data", never: "public.kinds",
	},
	{
		name: "IncrementalHasAnotherRow", args: withSets("incrbit"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "1 of | are not what set {oldest} has: public.note in database kept: blocks from 0 on: 40000 rows in " +
			"both, and not the same ones",
	},
	{
		name: "FullHasAnotherRow", args: withSets("after"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "1 of | are not what set {fullbit} has: public.note in database kept: blocks from 0 on: 40000 rows in " +
			"both, and not the same ones",
	},
	{
		name: "NewFullHasAnotherRow", args: withSets("fullbit"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "are not what set {oldest} has: public.note in database kept",
	},
	{
		name: "DatabaseCannotBeEntered", args: withSets("noentry"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "are not what set {oldest} has: database kept: set {noentry} cannot enter it (SQLSTATE | ), set " +
			"{oldest} can",
	},
	{
		name: "ByTheRoleOfTheData", args: withSets("byrole"), exit: 0, why: reason.None,
		words: "the same as set {lastfull} at | not compared: public.coded in database kept: an expression of its " +
			"indexes or statistics calls functions of the data", never: "public.built",
	},
	{ // which no hot standby lets a session be
		name: "SessionsAreSerializable", args: withSets("serializable"), exit: 0, why: reason.None,
		words: "the same as set {lastfull} at | not compared: public.coded in database kept", never: "public.built",
	},
	{
		name: "NoRoomForASecondSandbox", inject: disk("200m", nil), args: withSets("byrole"), exit: 0, why: reason.None,
		words: "the two sets are restored one after the other: the restore needs | the same as set {lastfull} at",
	},
	{
		name: "OneSet", args: withSets("full"), exit: 2, why: reason.ConfigInvalid, step: "teardown",
		words: "-compare sets: there is no full backup before set {full}",
	},
	{
		name: "WALExpired", inject: takenByExpire("repo1-retention-archive=1"), args: withSets("lastfull"),
		exit: 2, why: reason.ConfigInvalid, step: "teardown",
		words: "-compare sets: backup set {fullbit} cannot be replayed to the end of set {lastfull} | " +
			"expire leaves the archive whole from backup {lastfull} on",
	},
	{
		name: "WALLost", inject: without(archived("{after.stop}")), args: withSets("lastfull"),
		exit: 2, why: reason.ConfigInvalid, step: "teardown", words: "cannot be replayed | {after.stop} is missing",
	},
	{
		name: "OtherSetIsDamaged", inject: damaged(flippedThroughout, "backup/demo/{fullbit}/bundle/*"),
		args: withSets("lastfull"), exit: 1, why: reason.RepoCorrupt, step: "verify",
		words: "set {fullbit}, which is compared with, is not whole",
	},
	{
		name: "WithAStandby", args: withSets("incr") + " -standby host=/nowhere", exit: 2, why: reason.ConfigInvalid,
		step: "preflight", words: "-compare is sets",
	},
	{
		name: "WithATarget", args: withSets("incr") + " -target time:{end.time}", exit: 2, why: reason.ConfigInvalid,
		step: "preflight", words: "leave -target out",
	},
	{
		name: "WithWhat", args: "-compare primary", exit: 2, why: reason.ConfigInvalid, step: "preflight",
		words: "must be none, standby or sets",
	},
})
