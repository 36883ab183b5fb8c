package acceptance

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/versions"
)

var (
	versionsFlag = flag.Bool("versions", false, "run the rows that are run on every version, and nothing else")
	programsFlag = flag.String("programs", "", "directory of testprom, drill.test, backup.test and test2json; "+
		"they are built when it is empty")
)

// sensitiveRow is a row, and what differs between versions on its way.
type sensitiveRow struct {
	row     string
	differs versions.Difference
}

// versionSensitive are the rows whose way to the verdict is another one where versions differ.
var versionSensitive = []sensitiveRow{
	{"TestContent/Whole", versions.RestrictedSearchPath},
	{"TestContent/CollationOfAnotherVersion", versions.DatabaseCollation},
	{"TestContent/FlippedPageForPagesAlone", versions.ChecksumsByDefault},
	{"TestLost/TwoRowsOfOneKey", versions.AmcheckUnique},
	{"TestLost/PagesOfAGINIndex", versions.AmcheckGIN},
	{"TestLost/RowsThatGINDoesNotKnow", versions.AmcheckGIN},
	{"TestRights/Hardened", versions.ReadAllData},
	{"TestOffline/NothingCommittedSince", versions.OfflineReplaysNothing},
	{"TestOffline/NothingArchivedSince", versions.BorderNamesNext},
	{"TestBackup/FileFlipped", versions.SilentStderr},
	{"TestStore/CertificateForAnotherName", versions.AddressInCertificate},
	{"TestTimeline/SplitBrain", versions.RestoreChecksTimeline},
	{"TestArchive/StrayHistoryBeyondAGap", versions.RestoreChecksTimeline},
	{"TestTimeline/FailedOver", versions.AsyncArchiveGet},
	{"TestLocked", versions.RestoreLocks},
	{"TestChecks_Blocks/Clean", versions.BlockIncremental},
}

// versionBound are those about versions as such, and about settings, options and output that come and go.
var versionBound = []string{
	"TestTools/OlderPgBackRest", "TestTools/OtherPostgreSQL", "TestConfReading/OptionsOfAnotherVersion",
	"TestLived/SettingsThisMachineRefuses", "TestLived/LocaleOfOneDatabase", "TestChecks/SegmentFlipped",
	"TestHostileCluster/PgCronAndSubscriptionsActive", "TestSecondRepository/SecondIsDrilled",
}

// versionRows are the rows that are run on every version: the sensitive ones; then the first, in
// the order of the tables, for each reason, deeper check and step that none before it has.
func versionRows() (names []string) {
	covered := map[string]bool{}
	rowsOfProcesses(func(name string, r row) {
		if sensitive(name) {
			names = append(names, name)
			covers(r, func(what string) { covered[what] = true })
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

// sensitive says whether a row is in one of the two lists.
func sensitive(name string) bool {
	return slices.Contains(versionBound, name) ||
		slices.ContainsFunc(versionSensitive, func(s sensitiveRow) bool { return s.row == name })
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
		assert.Contains(t, rows, s.row, "for what differs since %s", s.differs.Since())
	}
	for _, name := range versionBound {
		assert.Contains(t, rows, name)
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
