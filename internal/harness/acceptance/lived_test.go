package acceptance

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Where a cluster lived is no fault: what the data needs of its configuration is taken over, what belongs to
// the machine or is refused here is not, and any superuser and any database will do.
func TestLived(t *testing.T) { livedFaults.run(t) }

// goods is a check that passes with production's settings alone.
const goods = "- {name: goods, database: app, equals: 50, query: \"SELECT count(*) FROM goods WHERE " +
	"current_setting('app.tenant') = 'north' AND current_setting('max_stack_depth') = '7MB' AND " +
	"day::date = make_date(2025, 12, 25)\"}\n"

// closedGoods is a check of a database that a state shuts here.
const closedGoods = "- {name: goods, database: app, min: 1, query: SELECT count(*) FROM shop.goods}\n"

var livedFaults = faults("TestLived", lived, []fault{
	{
		name: "DataNeedsTheSettings", where: everywhere, inject: checks(goods),
		args: "-checks {dir}/checks.yml -set {needed}", exit: 0, why: reason.None,
	},
	{
		name: "SettingsThatTheBackupDoesNotHave", inject: checks(goods),
		args: "-checks {dir}/checks.yml -set {untouched}",
		exit: 1, why: reason.SmokeQuery, words: "goods", step: "verify",
	},
	{
		name: "SettingsThisMachineRefuses", where: everywhere, args: "-set {refused}",
		exit: 0, why: reason.None,
		words: "a_setting_of_tomorrow = 'on' is not in the sandbox, this machine refuses it | " +
			"timezone_abbreviations = 'Nowhere' | timezone = 'US/Pacific-Ancient' | lc_time = 'xx_XX.UTF-8'",
	},
	{
		name: "FirstRoleIsNoSuperuser", where: everywhere, args: "-set {untouched} -target name:no_superuser",
		exit: 0, why: reason.None, users: "any",
	},
	{
		name: "NobodyMayLogIn", where: everywhere, args: "-set {untouched} -target name:nobody_logs_in",
		exit: 0, why: reason.None, users: "any", words: "opened in single-user mode",
	},
	{
		name: "NoFrontDoor", where: everywhere, args: "-set {untouched} -target name:no_front_door -database app",
		exit: 0, why: reason.None, users: "any",
	},
	{
		name: "LocaleOfOneDatabase", args: "-set {untouched} -target name:one_locale",
		exit: 2, why: reason.ToolMissing, words: "locale xx_XX.UTF-8 is not installed", step: "verify",
	},
	{
		name: "LocaleOfADatabaseThatIsNotAsked", args: "-deep none -set {untouched} -target name:one_locale",
		exit: 0, why: reason.None, users: "any",
	},
	{
		name: "LocaleOfACheckBesideAFinding", inject: checks(closedGoods),
		args: "-checks {dir}/checks.yml -set {untouched} -target name:one_locale_and_a_finding",
		exit: 1, why: reason.StaleData, step: "verify", words: "sequences: | ticket_id_seq",
	},
	{
		name: "LocaleOfEveryDatabase", where: everywhere, args: "-set {untouched} -target name:every_locale",
		exit: 2, why: reason.ToolMissing, words: "locale yy_YY.UTF-8 is not installed", step: "recover",
	},
})

// What a plain restore would have done otherwise is said, by file, line and setting.
func TestNotTheRestore(t *testing.T) { notTheRestoreFaults.run(t) }

var notTheRestoreFaults = faults("TestNotTheRestore", lived, []fault{
	{
		name: "TargetLeftBehind", where: everywhere, args: "-set {target}",
		exit: 0, why: reason.None,
		words: "recovery_target = 'immediate': not obeyed here | recovery_min_apply_delay = '1h' | " +
			"zero_damaged_pages = 'on'",
	},
	{name: "ValuesThatChangeNothing", args: "-set {follows}", exit: 0, why: reason.None},
	{
		name: "TargetLeftBehindAndOneAsked", args: "-set {target} -target name:no_superuser",
		exit: 0, why: reason.None, users: "any", words: "PostgreSQL does not start with two recovery targets",
	},
	{
		name: "ConfThatPostgreSQLRefuses", args: "-set {garbled_conf}",
		exit: 0, why: reason.None, words: "no setting; after a plain restore PostgreSQL does not start with it",
	},
	{
		name: "FilesOutsideTheBackup", args: "-set {outside}",
		exit: 0, why: reason.None,
		words: "hba_file = '/etc/postgresql/pg_hba.conf' lies out | include '/etc/postgresql/more.conf'",
	},
	{
		name: "ManyReplicationOrigins", args: "-set {untouched} -target name:many_origins", exit: 0, why: reason.None,
		users: "any",
	},
	{
		name: "MoreConnectionsSince", args: "-set {untouched}",
		exit: 0, why: reason.None, words: "and the WAL asks for 300: not obeyed here",
	},
})

// While wal_level is minimal, not everything is logged: no recovery goes beyond that, of no set from before, and what
// helps is said. A set from after it is as good as any.
func TestMinimalWAL(t *testing.T) { minimalWALFaults.run(t) }

var minimalWALFaults = faults("TestMinimalWAL", minimalWAL, []fault{
	{
		name: "BackupFromBefore", args: "-set {before}", exit: 1, why: reason.StartFailed, step: "recover",
		words: "wal_level was minimal for a while | take a full backup now",
	},
	{name: "BackupFromAfter", exit: 0, why: reason.None},
})

// The newest set may be of a cluster that is gone, and a conf may restore less than everything.
func TestLessThanAll(t *testing.T) { lessThanAllFaults.run(t) }

// upgradedStanza is `info` after a stanza-upgrade, before the first backup.
var upgradedStanza = path(`s/"db":\[\([^]]*"version":"\([0-9]*\)\)/` +
	`"db":[{"id":9,"repo-key":1,"system-id":7000000000000000001,"version":"\2"},\1/`)

var lessThanAllFaults = faults("TestLessThanAll", plain, []fault{
	{
		name: "NoBackupSinceTheUpgrade", inject: upgradedStanza, env: "PATH={dir}/path",
		exit: 1, why: reason.NoBackup, words: "of the one before | take a full one", step: "preflight",
	},
	{
		name: "BackupBeforeTheUpgradeByItsLabel", inject: upgradedStanza, env: "PATH={dir}/path", args: "-set {newest}",
		left: true, exit: 0, why: reason.None, words: "nothing of the present cluster comes back from it",
	},
	{
		name: "SomeDatabasesAlone", inject: header("[demo:restore]\ndb-include=app\n[demo]"),
		exit: 0, why: reason.None, words: "db-include=app: after a plain restore: only the databases it names",
	},
	{
		name: "TargetInTheConf", inject: header("[global:restore]\nrecovery-option=recovery_target=immediate\n[demo]"),
		exit: 0, why: reason.None, words: "recovery-option=recovery_target=immediate: after a plain restore",
	},
	{
		name: "TMPDIRWithAPercentSign", inject: scratch("100%f"), env: "TMPDIR={dir}/out/100%f",
		exit: 2, why: reason.ConfigInvalid, words: "TMPDIR",
	},
	{
		name: "TMPDIRWithAQuote", inject: scratch("it's"), env: "TMPDIR={dir}/out/it's",
		exit: 2, why: reason.ConfigInvalid, words: "TMPDIR",
	},
	{
		name: "TMPDIRWithABlankAndAComma", inject: scratch("a b,c"), env: "TMPDIR={dir}/out/a b,c",
		exit: 0, why: reason.None,
	},
})

// scratch makes a directory for a TMPDIR, where drills may write.
func scratch(name string) func(*repoCopy) {
	return func(rc *repoCopy) {
		require.NoError(rc.t, os.Mkdir(rc.out(name), 0o700))
		require.NoError(rc.t, os.Chmod(rc.out(name), os.ModeSticky|0o777))
	}
}

func TestSegmentsOf64MB(t *testing.T) { segmentFaults.run(t) }

var segmentFaults = faults("TestSegmentsOf64MB", bigSegments, []fault{
	{name: "Whole", where: everywhere, exit: 0, why: reason.None},
	{
		name: "Missing", inject: without(archived("{middle}")),
		exit: 1, why: reason.WALMissing, words: "{middle}", step: "preflight",
	},
})

// Options that lose databases or moments break the policy; what only says where a standby finds its primary does not.
func TestChecks_RestoreOptions(t *testing.T) { restoreOptionFaults.run(t) }

var restoreOptionFaults = checkFaults("TestChecks_RestoreOptions", plain, []checkFault{
	{
		name: "SomeDatabasesAlone", inject: header("[demo:restore]\ndb-include=app\n[demo]"),
		exit: 1, why: reason.PolicyViolated, red: "policy", words: "db-include=app",
	},
	{
		name:   "TargetTimeline",
		inject: header("[demo:restore]\nrecovery-option=recovery_target_timeline=current\n[demo]"),
		exit:   1, why: reason.PolicyViolated, red: "policy", words: "recovery_target_timeline=current",
	},
	{
		name:   "TargetTimelineWithDashes",
		inject: header("[demo:restore]\nrecovery-option=recovery-target-timeline=current\n[demo]"),
		exit:   1, why: reason.PolicyViolated, red: "policy", words: "recovery-target-timeline=current",
	},
	{
		name:   "PrimaryOfAStandby",
		inject: header("[demo:restore]\nrecovery-option=primary_conninfo=host=x\ndelta=y\n[demo]"),
		exit:   0, why: reason.None,
	},
})
