package acceptance

import (
	"testing"

	"veza.fr/recovery/internal/reason"
)

// What was there and is not any more is found, and what every crash leaves is none of it.
func TestLost(t *testing.T) { lostFaults.run(t) }

// lostAt restores the backup that has a loss, and stops before it was mended.
func lostAt(name string) string { return "-set {" + name + "} -target name:" + name }

var lostFaults = faults("TestLost", lost, []fault{
	// With pages of zeroes in the middle of a table.
	{name: "Nothing", args: lostAt("nothing"), exit: 0, why: reason.None, users: "whole"},
	{
		name: "IndexFile", args: lostAt("indexgone"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "files: index public.frozen_gin in database kept: its file base/ | is missing",
	},
	{
		name: "FileOfAMaterializedView", where: everywhere, args: lostAt("viewgone"),
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: materialized view public.summary in database kept: its file base/ | is missing",
	},
	{
		name: "FileOfAMaterializedViewForTheReadAlone", args: lostAt("viewgone") + " -deep full_read",
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "full_read: materialized view public.summary in database kept | SQLSTATE 58P01",
	},
	{
		name: "FileOfAMaterializedViewThatIsAsked", args: "-checks {dir}/checks.yml " + lostAt("viewgone"),
		inject: checks("- {name: all, database: kept, query: SELECT count(*) FROM summary, min: 1}\n"),
		exit:   1, why: reason.PageChecksum, step: "verify", words: "check all in database kept | could not open file",
	},
	{
		name: "FileOfASequence", args: lostAt("sequencegone"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: sequence public.numbers in database kept",
	},
	{
		name: "PageOfASequence", args: lostAt("sequencezeroes"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: sequence public.numbers in database kept | is not one of a sequence",
	},
	{
		name: "FileOfTOAST", args: lostAt("toastgone"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: TOAST table pg_toast.pg_toast_ | in database kept",
	},
	{
		name: "IndexFileIsEmpty", args: lostAt("indexempty"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "files: index public.frozen_brin in database kept | is empty",
	},
	{
		name: "RowsOfATable", where: everywhere, args: lostAt("tableempty"),
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.frozen in database kept: page 0 is gone: the file | visibility map",
	},
	{
		name: "EndOfATable", args: lostAt("tablecut"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.frozen in database kept: page 4 is gone: the file ends after 4 pages",
	},
	{
		name: "PagesOfATable", args: lostAt("tablezeroes"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.frozen in database kept: page 3 is full of zeroes | visibility map",
	},
	{
		name: "RowsThatOnlyAnIndexKnows", args: lostAt("freshempty"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.fresh in database kept: page 0 is gone | index public.fresh_ | row (0,",
	},
	{
		name: "PagesThatOnlyAnIndexKnows", args: lostAt("freshzeroes"),
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.fresh in database kept: page 3 is full of zeroes | index public.fresh_",
	},
	{
		name: "PagesOfTOAST", args: lostAt("toastzeroes"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: TOAST table pg_toast.pg_toast_ | page 3 is full of zeroes",
	},
	{
		name: "Commits", args: lostAt("commits"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table | rows of transaction | pg_xact has nothing but zeroes for the transactions 16384 to ",
	},
	{
		name: "WhoUpdatedLockedRows", args: lostAt("members"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.shared in database kept: 300 rows were updated | pg_multixact has nothing but",
	},
	{
		name: "WhereThatStands", args: lostAt("offsets"), exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: table public.shared in database kept: 300 rows were updated | pg_multixact has nothing but",
	},
	{
		name: "TableThatTheCatalogDoesNotKnow", args: lostAt("tableunknown"),
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "lost_rows: database kept: public.vanishing is named by pg_attribute, | and not in pg_class",
	},
	{
		name: "EntranceOfADatabase", where: everywhere, args: lostAt("entrancegone"),
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "database refusing cannot be entered | is not a valid data directory | PG_VERSION",
	},
	{
		name: "EntranceOfTheDatabaseThatIsAsked", args: lostAt("entrancegone") + " -database refusing",
		exit: 1, why: reason.PageChecksum, step: "verify", words: "check users in database refusing | PG_VERSION",
	},
	{
		name: "EntranceOfADatabaseThatIsNotAsked", args: lostAt("entrancegone") + " -deep none",
		exit: 0, why: reason.None, users: "whole",
	},
	{
		name: "EntranceOfAClosedDatabase", args: lostAt("closedgone"),
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "files: database closed: its file pg_tblspc/ | PG_VERSION is missing: nobody can enter it",
	},
	{
		name: "EndOfAHashIndex", args: lostAt("hashcut"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "lost_rows: index public.frozen_hash in database kept: its page 0 needs | the file ends after 4 pages",
	},
	{
		name: "PagesOfAGINIndex", args: lostAt("ginzeroes"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "lost_rows: index public.frozen_gin in database kept: its page | which is full of zeroes",
	},
	{
		name: "EndOfAGiSTIndex", args: lostAt("gistcut"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "lost_rows: index public.frozen_gist in database kept: its page",
	},
	{
		name: "PagesOfAnSPGiSTIndex", args: lostAt("spgistzeroes"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "lost_rows: index public.frozen_spgist in database kept: its page",
	},
	{name: "ExtendedAndNeverFilled", args: lostAt("extended"), exit: 0, why: reason.None, users: "whole"},
	{name: "IndexExtendedAndNeverFilled", args: lostAt("indexextended"), exit: 0, why: reason.None, users: "whole"},
	{
		name: "TwoRowsOfOneKeyAndNoAmcheck", args: lostAt("twokeys") + " -deep unique_keys",
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "unique_keys: index public.fresh_pkey in database kept is unique, and table public.fresh has two rows",
	},
	{
		// unique_keys finds it, and from 17 on amcheck does before that.
		name: "TwoRowsOfOneKey", args: lostAt("twokeys"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "index public.fresh_pkey in database kept | uniqu",
	},
	{
		name: "RowsThatGINDoesNotKnow", args: lostAt("ginunaware"), exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "lost_rows: index public.frozen_gin in database kept knows 3000 rows of table | which has 3001",
	},
	{
		name: "RowsThatABTreeDoesNotKnowBesideShadows", args: lostAt("btreeunaware"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "amcheck: index public.fresh_what in database kept",
	},
	{
		name: "TruncatedBeforeTheCatalogKnew", args: lostAt("truncated"), exit: 0, why: reason.None, users: "whole",
		words: "files: table public.fresh in database kept | and had 5000 when",
	},
})
