package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Bad input is one sentence that names it, and no verdict on the backups.
func TestSettings(t *testing.T) { settingsFaults.run(t) }

var settingsFaults = faults("TestSettings", plain, []fault{
	{
		name: "UnknownSet", args: "-set 20200101-000000F",
		exit: 2, why: reason.ConfigInvalid, words: "20200101-000000F | {newest}",
	},
	{name: "UnknownRepo", args: "-repo 2", exit: 2, why: reason.ConfigInvalid, words: "-repo 2"},
	{
		name: "SecondRepoAlone", inject: onlySecondRepo,
		exit: 2, why: reason.ConfigInvalid, words: "-repo 1: | has no option repo1-...; what it has is -repo 2",
	},
	{name: "SecondRepoAloneAndChosen", inject: onlySecondRepo, args: "-repo 2", exit: 0, why: reason.None},
	{name: "UnknownStanza", args: "-stanza other", exit: 2, why: reason.ConfigInvalid, words: "other | demo"},
	{name: "RenamedStanza", inject: header("[other]"), exit: 1, why: reason.NoBackup, words: "other"},
	{name: "UnknownVariable", env: "DRILL_STANZE=demo", exit: 2, why: reason.ConfigInvalid, words: "DRILL_STANZE"},
	{
		name: "VariablesThatContradict", env: "DRILL_MIN_USERS=x",
		exit: 2, why: reason.ConfigInvalid, words: "DRILL_MIN_USERS",
	},
	{name: "NoUsersExpected", args: "-min-users 0", exit: 2, why: reason.ConfigInvalid, words: "-min-users"},
	{name: "ConfMissing", args: "-conf {dir}/none.conf", exit: 2, why: reason.ConfigInvalid, words: "{dir}/none.conf"},
	{name: "ConfIsADirectory", args: "-conf {dir}", exit: 2, why: reason.ConfigInvalid, words: "{dir}"},
	{
		name: "ConfIsGarbage", inject: func(rc *repoCopy) { rc.change(rc.conf(), garbage) },
		exit: 2, why: reason.ConfigInvalid, words: "{conf}",
	},
	{
		name: "ConfHasAStrayLine", inject: header("hello world\n[demo]"),
		exit: 2, why: reason.ConfigInvalid, words: "{conf}",
	},
	{
		name: "ConfIsEmpty", inject: func(rc *repoCopy) { rc.change(rc.conf(), emptied) },
		exit: 2, why: reason.ConfigInvalid, words: "{conf} | stanza",
	},
	{
		name: "ConfHasAnUnknownValue", inject: option("repo1-type", "tape"),
		exit: 2, why: reason.ConfigInvalid, words: "repo1-type",
	},
	{
		name: "PlaceholderSecret", inject: option("repo1-cipher-pass", "CHANGEME"),
		exit: 2, why: reason.PlaceholderSecret, words: "repo1-cipher-pass",
	},
	{
		name: "EmptySecret", inject: option("repo1-cipher-pass", ""),
		exit: 2, why: reason.PlaceholderSecret, words: "repo1-cipher-pass",
	},
	{
		name: "TwoStanzas", inject: header("[second]\npg1-path=/nonexistent\n[demo]"),
		exit: 2, why: reason.ConfigInvalid, words: "demo | second | -stanza",
	},
	{
		name: "TwoStanzasAndOneChosen", inject: header("[second]\npg1-path=/nonexistent\n[demo]"), args: "-stanza demo",
		exit: 0, why: reason.None,
	},
	{name: "StrayWord", args: "-keep true", exit: 2, why: reason.ConfigInvalid, words: "belongs to no flag"},
	{
		name: "ChecksMissing", args: "-checks {dir}/none.yml",
		exit: 2, why: reason.ConfigInvalid, words: "{dir}/none.yml",
	},
	{
		name: "ChecksAreNoYAML", inject: checks("- name: [\n"), args: "-checks {dir}/checks.yml",
		exit: 2, why: reason.ConfigInvalid, words: "{dir}/checks.yml",
	},
	{
		name: "ChecksAreNone", inject: checks("[]\n"), args: "-checks {dir}/checks.yml",
		exit: 2, why: reason.ConfigInvalid, words: "{dir}/checks.yml | nothing would be proved",
	},
	{
		name: "ChecksHaveATypo", inject: checks("- name: a\n  query: SELECT 1\n  mim: 1\n"),
		args: "-checks {dir}/checks.yml",
		exit: 2, why: reason.ConfigInvalid, words: "{dir}/checks.yml:3",
	},
})

// What the data must hold is asked of the data.
func TestData(t *testing.T) { dataFaults.run(t) }

var dataFaults = faults("TestData", plain, []fault{
	{
		name: "TooFewUsers", where: everywhere, args: "-min-users 1000000",
		exit: 1, why: reason.TooFewRows, words: "1000000",
	},
	{
		name: "TooFewByTheOldVariable", env: "MIN_USERS_EXPECTED=1000000",
		exit: 1, why: reason.TooFewRows, words: "1000000",
	},
	{
		name: "UsersElsewhere", args: "-database template1",
		exit: 1, why: reason.SmokeQuery, words: "databases that have a table users: postgres",
	},
	{name: "DatabaseMissing", args: "-database nowhere", exit: 1, why: reason.SmokeQuery, words: "nowhere | postgres"},
	{
		name:   "ChecksPass",
		inject: checks(linesCheck(5000), "- {name: one, query: SELECT 1, equals: 1}\n"),
		args:   "-checks {dir}/checks.yml",
		exit:   0, why: reason.None,
	},
	{
		name:   "CheckFails",
		inject: checks("- {name: one, query: SELECT 1, equals: 1}\n", linesCheck(100000)),
		args:   "-checks {dir}/checks.yml",
		exit:   1, why: reason.TooFewRows, words: "lines | 100000",
	},
	{
		name: "CheckCannotBeAsked", inject: checks("- {name: ghosts, query: SELECT count(*) FROM ghosts, min: 1}\n"),
		args: "-checks {dir}/checks.yml",
		exit: 1, why: reason.SmokeQuery, words: "ghosts",
	},
	{
		name:   "CheckWrites",
		inject: checks("- {name: writer, query: \"DELETE FROM order_items RETURNING 1\", equals: 1}\n"),
		args:   "-checks {dir}/checks.yml",
		exit:   1, why: reason.SmokeQuery, words: "writer | read-only",
	},
	{name: "RTOSpent", args: "-rto 1ms", exit: 1, why: reason.RTOExceeded, words: "1ms"},
	{name: "RPOSpent", args: "-rpo 1ms", exit: 1, why: reason.RPOExceeded, words: "heartbeat row"},
	{
		name: "DataGoesBeforeBudgets", args: "-rto 1ms -min-users 1000000",
		exit: 1, why: reason.TooFewRows, words: "1000000",
	},
})

// What the machine lacks is named, and is not the backups' fault.
func TestTools(t *testing.T) { toolsFaults.run(t) }

var toolsFaults = faults("TestTools", plain, []fault{
	{
		name: "NoPgBackRest", inject: path(""), env: "PATH={dir}/path",
		exit: 2, why: reason.ToolMissing, words: "pgbackrest",
	},
	{
		name: "OlderPgBackRest", inject: path(`s/"version":"2\.[0-9.]*"/"version":"2.999"/g`), env: "PATH={dir}/path",
		exit: 2, why: reason.VersionMismatch, words: "2.999 | apt-get install pgbackrest",
	},
	{
		name: "ClockIsWrong", inject: path(`s/"stop":[0-9]\{10\}/"stop":4102444800/g`), env: "PATH={dir}/path",
		exit: 2, why: reason.ClockSkew, words: "{newest}",
	},
	{name: "ServiceOfTheOperator", env: "PGSERVICE=nowhere", exit: 0, why: reason.None},
	{name: "SessionOfTheOperator", env: "PGTARGETSESSIONATTRS=standby", exit: 0, why: reason.None},
	{name: "OptionsOfTheOperator", env: "PGOPTIONS=-c search_path=nowhere", exit: 0, why: reason.None},
	{name: "RepositoryOfTheOperator", env: "PGBACKREST_REPO1_PATH=/nonexistent", exit: 0, why: reason.None},
	{
		name: "ImageMissing", where: containers, args: "-image nowhere",
		exit: 2, why: reason.ImageMissing, words: "nowhere",
	},
	{
		name: "OtherPostgreSQL", inject: path(`s/"version":"[0-9]*"/"version":"99"/g`), env: "PATH={dir}/path",
		exit: 2, why: reason.VersionMismatch, words: "PostgreSQL 99 | machine has only | apt-get install postgresql-99",
	},
})

// header puts other words in the place of the stanza's section header.
func header(by string) func(*repoCopy) {
	return func(rc *repoCopy) {
		rc.edit(func(conf string) string { return strings.Replace(conf, "[demo]", by, 1) })
	}
}

// checks writes a file of SQL checks.
func checks(content ...string) func(*repoCopy) {
	return func(rc *repoCopy) {
		text := []byte(strings.Join(content, ""))
		require.NoError(rc.t, os.WriteFile(rc.file("checks.yml"), text, 0o644))
	}
}

// linesCheck is an SQL check that order_items has so many rows.
func linesCheck(rows int) string {
	return fmt.Sprintf("- {name: lines, query: SELECT count(*) FROM order_items, min: %d}\n", rows)
}

// path makes a PATH of everything but pgbackrest; with an edit for sed there is one
// whose answers are edited.
func path(edit string) func(*repoCopy) {
	return func(rc *repoCopy) {
		dir := rc.file("path")
		require.NoError(rc.t, os.Mkdir(dir, 0o755))
		for _, from := range []string{"/usr/bin", "/bin"} {
			programs, err := filepath.Glob(from + "/*")
			require.NoError(rc.t, err)
			for _, program := range programs {
				if filepath.Base(program) != "pgbackrest" {
					_ = os.Symlink(program, filepath.Join(dir, filepath.Base(program))) // /bin and /usr/bin may be one
				}
			}
		}
		if edit != "" {
			script := "#!/bin/sh\n/usr/bin/pgbackrest \"$@\" | sed '" + edit + "'\n"
			require.NoError(rc.t, os.WriteFile(filepath.Join(dir, "pgbackrest"), []byte(script), 0o755))
		}
	}
}

// onlySecondRepo is a conf whose one repository is the second.
func onlySecondRepo(rc *repoCopy) {
	rc.edit(func(conf string) string { return strings.ReplaceAll(conf, "repo1-", "repo2-") })
}
