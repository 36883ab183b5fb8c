package acceptance

import (
	"testing"

	"veza.fr/recovery/internal/reason"
)

// What production lives with is a note, and what is lost behind the same looks is found.
func TestOrdinary(t *testing.T) { ordinaryFaults.run(t) }

// in is the state the cluster had at a restore point.
func in(point string) string { return "-set {full} -target name:" + point }

var ordinaryFaults = faults("TestOrdinary", ordinary, []fault{
	{
		name: "IndexBeingBuilt", args: in("being_built"),
		exit: 0, why: reason.None, words: "public.built | CREATE INDEX CONCURRENTLY was building it",
	},
	{
		name: "UniqueIndexBegun", args: in("unique_begun"),
		exit: 0, why: reason.None, words: "public.built | CREATE INDEX CONCURRENTLY was building it",
	},
	{
		name: "IndexBeingDropped", args: in("being_dropped"),
		exit: 0, why: reason.None, words: "public.built | it was being dropped",
	},
	{
		name: "CopyBesideItsOriginal", args: in("copy"),
		exit: 0, why: reason.None, words: "item_code_ccnew | a valid one does the same",
	},
	{
		name: "UniqueCopyAlone", args: in("lone_copy"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "invalid_indexes: database app | item_n_ccnew | no other index keeps these rows apart",
	},
	{
		name: "UniqueCopyBesideOneOfSomeRows", args: in("copy_beside_a_part"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "item_n_ccold | no other index keeps these rows apart",
	},
	{
		name: "IndexOfAKeyInvalid", args: in("key"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "item_pkey | a constraint or replication counts on it",
	},
	{
		name: "StaleCollationOfARange", args: in("stale_range"),
		exit: 1, why: reason.IndexCorrupt, step: "verify", words: "collations: database app | german | sorted_x_idx",
	},
	{
		name: "StaleCollationOfAComposite", args: in("stale_composite"),
		exit: 1, why: reason.IndexCorrupt, step: "verify", words: "collations: database app | german | sorted_x_idx",
	},
	{
		name: "StaleCollationInAPredicate", args: in("stale_predicate"),
		exit: 1, why: reason.IndexCorrupt, step: "verify", words: "collations: database app | german | sorted_n_idx",
	},
	{
		name: "StaleCollationOfPartitions", args: in("stale_partitions"),
		exit: 1, why: reason.IndexCorrupt, step: "verify", words: "collations: database app | such as public.sorted;",
	},
	{
		name: "StaleCollationThatNothingIsSortedBy", args: in("not_sorted"),
		exit: 0, why: reason.None, words: "collation public.german | none of user tables is",
	},
	{
		name: "Sentinel", args: in("sentinel"),
		exit: 0, why: reason.None, words: "item_id_seq | is at 9999999999 already | a sentinel",
	},
	{
		name: "SequenceOlderBesideASentinel", args: in("older_sequence"),
		exit: 1, why: reason.StaleData, step: "verify", words: "item_id_seq goes on with 481 | number 491 is there",
	},
	{
		name: "SequenceNeverUsed", args: in("never_used"),
		exit: 0, why: reason.None, words: "event_id_seq | it was never used",
	},
	{
		name: "SequenceThatNothingCallsAnyMore", args: in("became_identity"),
		exit: 0, why: reason.None, words: "event_id_seq goes on with 11 | nothing calls it any more",
	},
	{
		name: "SequenceOfAnAttachedPartition", args: in("attached_serial"),
		exit: 0, why: reason.None,
		words: "event_id_seq goes on with 11 | rows that come through the parent do not ask it",
	},
	{
		name: "SequenceOfAPartitionThatTheParentCalls", args: in("attached_called"),
		exit: 1, why: reason.StaleData, step: "verify",
		words: "event_id_seq goes on with 11 | a row to come would collide",
	},
	{
		name: "SequenceThatEveryRestoreSetsBack", args: in("unlogged_sequence"),
		exit: 1, why: reason.StaleData, step: "verify", words: "forgetful | UNLOGGED",
	},
	{
		name: "SequenceThatProgramsAskAndARestoreSetsBack", args: in("asked_by_programs"),
		exit: 1, why: reason.StaleData, step: "verify", words: "forgetful | UNLOGGED",
	},
	{
		name: "SequenceOfAnUnloggedTable", args: in("unlogged_serial"), exit: 0, why: reason.None,
	},
	{
		name: "SequenceOfAnUnloggedTableWithLoggedOnes", args: in("unlogged_over_logged"),
		exit: 1, why: reason.StaleData, step: "verify",
		words: "stay_id_seq | is UNLOGGED | SET LOGGED in production | and 1 more",
	},
	{
		name: "SequenceOfASubscriber", args: in("subscribed"),
		exit: 0, why: reason.None, words: "item_id_seq | a logical subscription brings the rows",
	},
	{
		name: "PreparedAndSerializable", args: in("serializable"), exit: 0, why: reason.None, users: "any",
	},
	{
		name: "RowOfMoreThanAGigabyte", args: in("large_row"),
		exit: 0, why: reason.None, words: "public.document in database app | read column by column",
	},
})
