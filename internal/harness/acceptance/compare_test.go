package acceptance

import (
	"strings"
	"testing"

	"veza.fr/recovery/internal/reason"
)

// Every row that came back is held against a standby, whatever the deeper checks would have seen.
func TestCompare(t *testing.T) { compareFaults.run(t) }

// against compares a backup with a standby, at its port.
func against(port, set string) string { return as("postgres", port, set) }

// as does so as a role.
func as(role, port, set string) string {
	return "-deep none -set {" + set + "} -compare standby " +
		"-standby postgres://" + role + "@/postgres?host={standby}&port=" + port
}

var compareFaults = faults("TestCompare", compared, []fault{
	{
		name: "TheSame", args: against("5433", "same") + " -get-async auto", where: everywhere,
		exit: 0, why: reason.None,
		words: "the same as the standby at | 100 % of all blocks | public.kinds in database kept: column b prints " +
			"names | not compared: database template0: it takes no connections | segments are fetched up to",
		never: "changed on production",
	},
	{
		name: "DatabaseIsShut", args: as("outsider", "5433", "same"), exit: 0, why: reason.None,
		words: "not compared: database shut: the standby does not let us in", never: "100 % of all blocks",
	},
	{
		name: "DatabaseIsShutForOthers", args: as("insider", "5433", "same"), exit: 0, why: reason.None,
		words: "the same as the standby at | 100 % of all blocks", never: "not let us in",
	},
	{
		name: "OneRow", args: against("5433", "onebit"), exit: 1, why: reason.DataDiffers, step: "verify",
		where: everywhere,
		words: "1 of | public.note in database kept: blocks from 0 on: 40000 rows in both, and not the same ones",
	},
	{
		name: "Emptied", args: against("5433", "emptied"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.note in database kept: blocks from 0 on: 40000 rows in the standby, 0 in the clone",
	},
	{
		name: "Cut", args: against("5433", "cut"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.note in database kept | 40000 rows in the standby",
	},
	{
		name: "Zeroed", args: against("5433", "zeroed"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.note in database kept | 40000 rows in the standby",
	},
	{
		name: "OutOfLine", args: against("5433", "outofline"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.document in database kept: blocks from 0 on: 50 rows in both, and not the same ones",
	},
	{
		name: "MaterializedView", args: against("5433", "view"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.summary in database kept | 100 rows in both",
	},
	{
		name: "LargeObject", args: against("5433", "largeobject"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "pg_catalog.pg_largeobject in database kept",
	},
	{
		name: "SequenceSetBack", args: against("5433", "setback"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.counter in database kept: the sequence is at 1111111 in the standby, at 1111110 in the clone",
	},
	{
		name: "TableMissing", args: against("5433", "vanished"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.vanished in database kept: is missing in the clone",
	},
	{
		name: "FileMissing", args: against("5433", "notread"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.note in database kept | the clone cannot read them (SQLSTATE 58P01)",
	},
	{
		name: "IndexAlone", args: against("5433", "index"), exit: 0, why: reason.None,
		words: "the same as the standby | indexes are no rows, and nothing here reads them: -deep leaves out amcheck",
	},
	{
		name: "IndexAloneAndAmcheck",
		args: strings.Replace(against("5433", "index"), "-deep none", "-deep amcheck", 1),
		exit: 1, why: reason.IndexCorrupt, step: "verify", words: "note_pkey",
	},
	{
		name: "SequenceUnreadable", args: against("5433", "nosequence"),
		exit: 1, why: reason.DataDiffers, step: "verify",
		words: "public.counter in database kept: the clone cannot read the sequence (SQLSTATE 02000)",
	},
	{
		name: "CatalogUnreadable", args: against("5433", "catalog"), exit: 1, why: reason.DataDiffers, step: "verify",
		words: "database kept: the clone cannot enter it (SQLSTATE XX001), the standby can",
	},
	{
		name: "PausedByAnOperator", args: against("5434", "same"), waits: true,
		exit: 2, why: reason.StandbyUnusable, step: "teardown", words: "somebody has paused its replay",
	},
	{
		name: "StandbyIsAPrimary", args: against("5435", "same"), where: everywhere,
		exit: 2, why: reason.StandbyUnusable, step: "teardown", words: "is no standby",
	},
	{
		name: "StandbyIsDown", args: against("5439", "same"), exit: 2, why: reason.StandbyUnusable, step: "teardown",
		words: "cannot connect",
	},
	{
		name: "NoStandby", args: "-compare standby", exit: 2, why: reason.ConfigInvalid, step: "preflight",
		words: "name the standby with -standby",
	},
})
