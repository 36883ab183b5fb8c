package acceptance

import (
	"testing"

	"veza.fr/recovery/internal/reason"
)

// A recovery to a target brings back what was there at that moment, no row less and
// none more, and says so when it cannot.
func TestTarget(t *testing.T) { targetFaults.suffer(t) }

var targetFaults = faults("TestTarget", plain, []fault{
	{name: "LSN", where: everywhere, args: "-target lsn:{half.lsn}", exit: 0, why: reason.None, users: "half"},
	{name: "Time", args: "-target time:{half.time}", exit: 0, why: reason.None, users: "half"},
	{name: "Name", args: "-target name:half", exit: 0, why: reason.None, users: "half"},
	{name: "LSNFromTheFull", args: "-set {full} -target lsn:{half.lsn}", exit: 0, why: reason.None, users: "half"},
	{name: "LSNBehindTheArchive", args: "-target lsn:0/FF000000", exit: 2, why: reason.ConfigInvalid, words: "lsn:0/FF000000 | outside the recovery window"},
	{name: "LSNBeforeTheBackups", args: "-target lsn:0/1000000", exit: 2, why: reason.ConfigInvalid, words: "lsn:0/1000000 | outside the recovery window"},
	{name: "TimeInTheFuture", args: "-target time:2090-01-01T00:00:00Z", exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window"},
	{name: "TimeBeforeTheBackups", args: "-target time:2020-01-01T00:00:00Z", exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window"},
	{name: "TimeBeforeTheSet", args: "-set {newest} -target time:2020-01-01T00:00:00Z", exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window"},
	{name: "NameNobodyGave", args: "-target name:nobody", exit: 1, why: reason.RecoveryIncomplete, words: "name:nobody"},
	{name: "LSNBehindADamage", harm: with(flipped, archived("{stop}")), args: "-target lsn:{end.lsn}", exit: 1, why: reason.WALCorrupt, words: "{stop}"},
	{name: "TimeBehindEveryCommit", args: "-target time:{stopped.time}", exit: 1, why: reason.RecoveryIncomplete, words: "time:"},
	{name: "NoKind", args: "-target tomorrow", exit: 2, why: reason.ConfigInvalid, words: "-target"},
})
