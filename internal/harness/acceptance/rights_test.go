package acceptance

import (
	"context"
	"testing"
	"time"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Code in the data runs when a check asks for it: it reaches nothing outside of the clone, writes
// nothing into the verdict, and what it was refused is named. What harms nobody is green.
func TestRights(t *testing.T) { rightsFaults.run(t) }

// only is a drill that asks one database, and nothing deeper.
func only(database string) string { return "-deep none -database " + database }

var rightsFaults = faults("TestRights", rights, []fault{
	{
		name: "FunctionOfASuperuserConnects", inject: cutOff, args: only("connects"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: "database connects | program | failed",
	},
	{
		name: "FunctionOfASuperuserAsksASocket", inject: cutOff, args: only("connects_here"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "database connects_here | could not establish connection | connects to nobody",
	},
	{
		name: "FunctionRunsAProgram", args: only("program"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: "program | checks run as a role of the drill's own",
	},
	{
		name: "FunctionTellsOfAKill", args: only("killed"), // it ends its own session, and no kill is believed
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "database killed | permission denied for function pg_terminate_backend | ends its own session",
	},
	{name: "FunctionForgesTheServerLog", args: only("forges"), exit: 0, why: reason.None, users: "kept"},
	{
		name: "FunctionRaisesTheCodeOfAFullDisk", args: only("raises"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: "database raises | no space left on device",
	},
	{
		name: "FunctionRevoked", args: only("revoked"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: "permission denied for function tick | GRANT EXECUTE",
	},
	{
		name: "RowsOfElsewhereBehindAFunction", args: only("foreign_rows"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: "a foreign table is not asked",
	},
	{
		name: "UsersLockedByAPreparedTransaction", args: only("locked"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "prepared transaction 'xa-1' of role postgres in database locked | holds public.users | " +
			"ROLLBACK PREPARED",
	},
	{
		name: "OthersLockedByAPreparedTransaction", args: "-deep sequences,full_read -database locked_elsewhere",
		exit: 0, why: reason.None, users: "kept",
		words: "full_read: table public.other in database locked_elsewhere could not be looked at | " +
			"prepared transaction 'xa-2' | sequence public.other_id_seq of table public.other was not compared",
	},
	{
		name: "FunctionsThatFitBetterThanTheCatalogs", args: "-deep files,full_read,sequences -database overloaded",
		exit: 0, why: reason.None, users: "kept",
	},
	{
		name: "FunctionsThatFitBetterAndAnInvalidIndex", args: "-deep invalid_indexes -database overloaded",
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "index public.kept_id_idx of table public.kept is invalid",
	},
	{
		name: "NoTemporaryFilesOnProduction", args: "-deep unique_keys,amcheck -database sparing",
		exit: 0, why: reason.None, users: "kept",
	},
	{name: "DefinerOfAnOrdinaryRole", args: only("definer"), exit: 0, why: reason.None, users: "kept"},
	{name: "Hardened", args: only("hardened"), exit: 0, why: reason.None, users: "kept"},
	{
		name: "HardenedWithoutSetConfig", args: "-deep sequences,full_read -database no_set_config",
		exit: 0, why: reason.None, users: "kept",
	},
	{
		name: "HardenedWithoutFunctionsOfTheCatalogs",
		args: "-deep files,full_read,sequences,collations -database no_functions",
		exit: 0, why: reason.None, users: "kept",
	},
	{name: "SchemaOfTheSuperuser", args: only("by_user"), exit: 0, why: reason.None, users: "kept"},
	{
		name: "GeneratedColumnsAreReadWithoutRights", args: "-deep full_read -database generated",
		exit: 0, why: reason.None, users: "kept",
	},
})

// cutOff leaves a row out where this machine does not cut a server off.
func cutOff(rc *repoCopy) {
	ctx, cancel := context.WithTimeout(rc.t.Context(), 10*time.Minute)
	defer cancel()
	box, err := process.Provider{}.Launch(ctx, sandbox.Spec{Stanza: "cutoff", Run: rc.t.Name()})
	if box != nil {
		defer box.Destroy(ctx) //nolint:errcheck // reaped by the next run
	}
	if err == nil {
		_, err = box.(sandbox.Secluder).WithoutNetwork(ctx)
	}
	if err != nil {
		rc.t.Skipf("no way to cut a server off here: %v", err)
	}
}
