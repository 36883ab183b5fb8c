package acceptance

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/versions"
)

// at is the state the content had at a restore point.
func at(point string) string { return "-set {before} -target name:" + point }

// What is wrong inside the data is found, whether a query asks for it or not.
func TestContent(t *testing.T) { contentFaults.run(t) }

var contentFaults = faults("TestContent", content, []fault{
	{
		name: "Whole", where: everywhere, args: at("whole"),
		exit: 0, why: reason.None, users: "whole",
		words: "amcheck: index public.needs_path in database app could not be looked at",
	},
	{
		name: "BrokenIndex", where: everywhere, args: at("broken_index"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "amcheck: index public.orders_user_id_idx in database postgres | orders",
	},
	{
		name: "InvalidIndex", args: at("invalid_index"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "invalid_indexes | public.orders_user_id_idx of table public.orders is invalid",
	},
	{
		name: "LeftoverOfReindex", args: at("reindex_leftover"),
		exit: 0, why: reason.None, users: "whole", words: "orders_user_id_idx_ccnew",
	},
	{
		name: "SequenceBehind", where: everywhere, args: at("sequence_behind"),
		exit: 1, why: reason.StaleData, step: "verify",
		words: "sequences: database app | ticket_id_seq goes on with | column id of table public.ticket is at 900",
	},
	{
		name: "SequenceOfNoKeyBehind", args: at("harmless_sequence"),
		exit: 0, why: reason.None, users: "whole", words: "loose_n_seq",
	},
	{
		name: "NameForgesARed", args: at("forged_note"),
		exit: 0, why: reason.None, users: "whole", words: "=== ATTR TestDrill/verify reason locked",
	},
	{
		name: "NameForgesAnotherReason", args: at("forged_finding"),
		exit: 1, why: reason.StaleData, step: "verify", words: "=== ATTR TestDrill/verify reason locked",
	},
	{
		name: "CollationOfAnotherVersion", args: at("collation"),
		exit: 1, why: reason.IndexCorrupt, step: "verify",
		words: "collations: database app | collation public.german | version 1.0 | such as public.words_w_idx",
	},
	{
		name: "CollationWithoutIndex", args: at("harmless_collation"),
		exit: 0, why: reason.None, users: "whole", words: "collation public.french | none of user tables is",
	},
	{
		name: "ExtensionOfAColumn", args: at("extension"),
		exit: 2, why: reason.ToolMissing, step: "verify", words: "extensions: database app | gone_type | addresses",
	},
	{
		name: "ExtensionOfJobs", args: at("harmless_extension"),
		exit: 0, why: reason.None, users: "whole", words: "gone_jobs | no column's type and no index needs it",
	},
	{
		name:   "UnloggedEmpty",
		inject: checks("- {name: visits, database: app, query: SELECT count(*) FROM visits, min: 1}\n"),
		args:   "-checks {dir}/checks.yml " + at("whole"),
		exit:   1, why: reason.TooFewRows, step: "verify", words: "visits | returned 0 | is UNLOGGED",
	},
	{
		name: "EmptyTable", inject: checks(linesCheck(1)),
		args: "-checks {dir}/checks.yml " + at("empty_table"),
		exit: 1, why: reason.TooFewRows, step: "verify", words: "lines | order_items returned 0",
	},
	{
		name: "UsersEmpty", args: at("no_users"),
		exit: 1, why: reason.TooFewRows, step: "verify", words: "users returned 0",
	},
	{
		name: "UsersMissing", args: "-min-users 1 " + at("users_missing"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: "users | no database has a table users",
	},
	{
		name: "RowsLostAfterTheFull", args: "-min-users 3000 " + at("rows_lost"),
		exit: 1, why: reason.TooFewRows, step: "verify", words: "returned 1500, expected at least 3000",
	},
	{
		name: "StaleData", inject: checks("- {name: fresh, query: SELECT max(created_at) FROM users, max_age: 10m}\n"),
		args: "-checks {dir}/checks.yml " + at("stale"),
		exit: 1, why: reason.StaleData, step: "verify", words: "fresh | at most 10m0s old",
	},
	{
		name: "RowsFromBehindTheTarget", args: at("beat_from_later"),
		exit: 1, why: reason.RecoveryIncomplete,
		words: "-target name:beat_from_later: heartbeat row | rows from after the target", step: "verify",
	},
	{
		name: "BeatsDeleted", args: at("beats_deleted"),
		users: "whole", exit: 0, why: reason.None, words: "10 numbers are missing | are missing, between",
	},
	{
		name: "FlippedPage", where: everywhere, args: "-set {flipped}",
		exit: 1, why: reason.PageChecksum, step: "verify", words: "full_read: table public.secret in database app",
	},
	{
		name: "FlippedPageSeenByTheBackup", args: "-set {marked}", since: versions.RestoreRefusesPages.Since(),
		older: older{exit: 1, why: reason.PageChecksum, step: "verify", words: "secret"},
		exit:  1, why: reason.PageChecksum, step: "restore", words: "restore an older set",
	},
	{
		name: "SettingsAreGarbled", where: everywhere,
		exit: 1, why: reason.StartFailed, words: "postgresql.auto.conf", step: "recover",
	},
	{
		name: "FlippedPageAndNobodyLooks", args: "-set {flipped} -deep none",
		exit: 0, why: reason.None, users: "end", words: "{marked} has page checksum errors and is passed over",
	},
	{
		name: "FlippedPageForPagesAlone", args: "-set {flipped} -deep page_checksums",
		exit: 1, why: reason.PageChecksum, step: "verify",
		words: "page_checksums: table public.secret in database app: base/",
	},
	{
		name: "NoBudget", args: "-check-budget 1ns " + at("broken_index"),
		exit: 0, why: reason.None, users: "whole", words: "amcheck left out: the budget | page_checksums left out",
	},
})

// A run says of each deeper check whether it was made, and how long it took.
func TestContent_IsCounted(t *testing.T) {
	long(t)
	l, err := content()
	require.NoError(t, err)
	cores <- struct{}{}
	defer func() { <-cores }()
	rc := newCopy(t, l.seed)
	all := float64(len(settings.DeepChecks))
	for _, c := range []struct {
		args                     []string
		passed, leftOut, notMade float64
	}{
		{nil, all + 1, 0, 0},
		{[]string{"-deep", "none"}, 1, 0, all},
		{[]string{"-deep", "sequences,page_checksums"}, 3, 0, all - 2},
		{[]string{"-check-budget", "1ns"}, 1, all, 0},
	} {
		o := rc.drill(nil, rc.drillArgs(append(c.args, "-set", "{before}", "-target", "name:whole")...)...)
		assert.Equal(t, 0, o.Status, o.Said)
		for status, want := range map[string]float64{
			"passed": c.passed, "failed": 0, "left_out": c.leftOut, "not_asked": c.notMade,
		} {
			got, _ := o.Value("checks", status)
			assert.InDelta(t, want, got, 0, "%v %s", c.args, status)
		}
		timed := 0
		for _, check := range settings.DeepChecks {
			if _, ok := o.Value("check_duration_seconds", check); ok {
				timed++
			}
		}
		assert.InDelta(t, c.passed-1, timed, 0, "%v", c.args)
	}
}
