package acceptance

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
)

var (
	versionsFlag = flag.Bool("versions", false, "run the rows that every version of PostgreSQL and pgBackRest must pass, and nothing else")
	programsFlag = flag.String("programs", "", "directory of testprom, drill.test, backup.test and test2json; "+
		"they are built when it is empty")
)

// versionSensitive are the rows whose way to the verdict is another one in another version of
// PostgreSQL or pgBackRest, and what differs there.
var versionSensitive = []struct{ row, differs string }{
	{"TestContent/Whole", "from PostgreSQL 17 on maintenance commands have a search_path of their own"},
	{"TestContent/CollationOfAnotherVersion", "PostgreSQL 17 has a provider of locales of its own"},
	{"TestContent/FlippedPageForPagesAlone", "from PostgreSQL 18 on a cluster has page checksums by default"},
	{"TestLived/LocaleOfOneDatabase", "PostgreSQL 17 gave the locale in pg_database another name"},
	{"TestLived/SettingsThisMachineRefuses", "settings come and go"},
	{"TestLost/PagesOfAGINIndex", "from PostgreSQL 18 on amcheck looks into GIN indexes"},
	{"TestLost/RowsThatGINDoesNotKnow", "from PostgreSQL 18 on amcheck looks into GIN indexes"},
	{"TestRights/Hardened", "from PostgreSQL 17 on there is the right MAINTAIN"},
	{"TestHostileCluster/PgCronAndSubscriptionsActive", "what a subscription may do differs in 16 and 17"},
	{"TestOffline/NothingArchivedSince", "the name of the segment after a switch at its border"},
	{"TestConfReading/OptionsOfAnotherVersion", "options come and go"},
	{"TestBackup/FileFlipped", "from pgBackRest 2.53 on errors are printed on standard output"},
	{"TestStore/CertificateForAnotherName", "from pgBackRest 2.53 on a certificate may name an address"},
	{"TestSecondRepository/SecondIsDrilled", "before pgBackRest 2.55 block incremental read the wrong repository"},
	{"TestArchive/StrayHistoryBeyondAGap", "from pgBackRest 2.55 on restore reads every history file"},
	{"TestTimeline/SplitBrain", "from pgBackRest 2.55 on restore refuses a timeline that is no descendant"},
	{"TestTimeline/FailedOver", "from pgBackRest 2.59 on WAL may be fetched ahead over a change of timeline"},
	{"TestStore_FailsDuringReplay/BlipThatPgBackRestRidesOut", "from pgBackRest 2.56 on a read is tried again"},
	{"TestLocked", "from pgBackRest 2.56 on restore takes a lock"},
	{"TestChecks/SegmentFlipped", "what pgbackrest verify prints"},
	{"TestTools/OlderPgBackRest", "an older pgBackRest is not trusted to read what a newer one wrote"},
	{"TestTools/OtherPostgreSQL", "a backup is restored with the major version it was made with"},
}

// versionRows are the rows that are run on every version: the sensitive ones; then the first, in
// the order of the tables, for each reason, deeper check and step that none before it has.
func versionRows() (names []string) {
	covered := map[string]bool{}
	rowsOfProcesses(func(name string, r row) {
		for _, s := range versionSensitive {
			if s.row == name {
				names = append(names, name)
				covers(r, func(what string) { covered[what] = true })
			}
		}
	})
	rowsOfProcesses(func(name string, r row) {
		adds := false
		covers(r, func(what string) { adds, covered[what] = adds || !covered[what], true })
		if adds {
			names = append(names, name)
		}
	})
	return names
}

// rowsOfProcesses visits the rows that are run without containers, by the names of their tests.
func rowsOfProcesses(visit func(name string, r row)) {
	for _, tab := range corpus.tables {
		for _, r := range tab.rows {
			if f, ok := r.(fault); !ok || f.where != containers {
				visit(strings.TrimSuffix(tab.test+"/"+r.rowName(), "/"), r)
			}
		}
	}
}

// covers visits what a row shows: its reason, the suite, and the step and the deeper check that find it.
func covers(r row, visit func(what string)) {
	f, drill := r.(fault)
	_, why := r.expects()
	visit(fmt.Sprintf("drill: %t", drill))
	visit(string(why))
	if f.step != "" {
		visit("step " + f.step)
	}
	for _, check := range settings.DeepChecks {
		if f.exit == reason.ExitFailed && strings.HasPrefix(f.words, check) {
			visit("deeper check " + check)
		}
	}
}

// onlyVersionRows makes the test run these rows and nothing else.
func onlyVersionRows() error {
	var tests []string
	for _, name := range versionRows() {
		parts := strings.Split(name, "/")
		for n, part := range parts {
			parts[n] = "^" + regexp.QuoteMeta(part) + "$"
		}
		tests = append(tests, strings.Join(parts, "/"))
	}
	return flag.Set("test.run", strings.Join(tests, "|"))
}

// allVersionRowsRan names every row that should have been run and was not: a run of nothing is green.
func allVersionRowsRan(w io.Writer) (all bool) {
	all = true
	for _, name := range versionRows() {
		if _, ran := corpus.found[name]; !ran {
			all = false
			fmt.Fprintln(w, "acceptance: no verdict on", name)
		}
	}
	return all
}

// A row that was renamed would silently no longer be run, and so would a reason without a row.
func TestVersionRows(t *testing.T) {
	rows := map[string]row{}
	rowsOfProcesses(func(name string, r row) { rows[name] = r })
	for _, s := range versionSensitive {
		assert.Contains(t, rows, s.row, s.differs)
	}
	shown, wanted := map[string]bool{}, map[string]bool{}
	for _, name := range versionRows() {
		covers(rows[name], func(what string) { shown[what] = true })
	}
	for _, r := range rows {
		covers(r, func(what string) { wanted[what] = true })
	}
	assert.Equal(t, wanted, shown)
	assert.GreaterOrEqual(t, len(versionRows()), 40)
}
