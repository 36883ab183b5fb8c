package alerts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/textfile"
)

const (
	fixtures  = "../../../fixtures/"
	rulesFile = fixtures + "prometheus/veza_backup.rules.yml"
	testsFile = fixtures + "prometheus/veza_backup.test.yml"
)

// groups is a rules file; JSON is how a changed one is written, which is YAML too.
type groups struct {
	Groups []group `json:"groups" yaml:"groups"`
}

type group struct {
	Name  string  `json:"name"  yaml:"name"`
	Rules []alert `json:"rules" yaml:"rules"`
}

// alert is an alerting rule, or a recording one, which has Record in place of Alert.
type alert struct {
	Record      string            `json:"record,omitempty"      yaml:"record"`
	Alert       string            `json:"alert,omitempty"       yaml:"alert"`
	Expr        string            `json:"expr"                  yaml:"expr"`
	For         string            `json:"for,omitempty"         yaml:"for"`
	Labels      map[string]string `json:"labels,omitempty"      yaml:"labels"`
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations"`
}

// controlGroup holds the alerts of the drill's control.
const controlGroup = "veza-backup-control"

// allRules reads the rules file strictly: those of the group that replaces the customer's, and of the control's.
func allRules(t *testing.T) []alert {
	t.Helper()
	var file groups
	unmarshal(t, rulesFile, &file)
	require.NotEmpty(t, file.Groups)
	require.Equal(t, "veza_backup", file.Groups[0].Name, "it replaces the customer's group of that name")
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// alerts are the alerting rules.
func alerts(t *testing.T) []alert {
	t.Helper()
	return slices.DeleteFunc(allRules(t), func(r alert) bool { return r.Record != "" })
}

func unmarshal(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalWithOptions(text, into, yaml.Strict()), path)
}

func TestRules_AreTheAlertsOfTheContract(t *testing.T) {
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
	}
	assert.ElementsMatch(t, []string{
		"BackupRestoreDrillRed", "BackupRestoreDrillFailed", "BackupRestoreDrillStale",
		"BackupRestoreDrillNeverRan", "BackupRestoreDrillEnvironmentError",
		"BackupRestoreDrillSlow", "BackupRestoreDrillRPO", "BackupRestoreDrillOldSet",
		"BackupDataDiffers", "BackupDataNotCompared",
		"BackupRestoreDrillForecast",
		"BackupTextfileUnreadable", "BackupCheckFailed", "BackupCheckStale", "BackupUnitFailed",
		"BackupRestoreDrillMissing", "BackupRestoreDrillWorstRTO", "BackupCheckMissing", "BackupUnitHangs",
		"BackupCycleLate",
		"BackupAlarmPathFailed", "BackupAlarmPathStale",
		"BackupDrillControlFailed", "BackupDrillControlStale",
	}, names)
}

// These are agreed with the customer to the letter; labels and annotations may say more.
func TestRules_KeepTheContractWordForWord(t *testing.T) {
	for _, want := range []alert{
		{
			Alert: "BackupRestoreDrillFailed", Expr: "veza_backup_drill_last_success == 0", For: "5m",
			Labels: map[string]string{"severity": "critical"},
		},
		{
			Alert: "BackupRestoreDrillStale", Expr: "time() - veza_backup_drill_last_run_timestamp_seconds > 691200",
			For: "1h", Labels: map[string]string{"severity": "warning"},
		},
		{
			Alert: "BackupRestoreDrillNeverRan", Expr: "absent(veza_backup_drill_last_run_timestamp_seconds)",
			For: "1h", Labels: map[string]string{"severity": "warning"},
		},
	} {
		i := slices.IndexFunc(alerts(t), func(a alert) bool { return a.Alert == want.Alert })
		require.GreaterOrEqual(t, i, 0, want.Alert)
		got := alerts(t)[i]
		got.Annotations = nil
		assert.Equal(t, want, got)
	}
}

func TestRules_SayWhatToDo(t *testing.T) {
	for _, a := range alerts(t) {
		assert.Contains(t, []string{"critical", "warning"}, a.Labels["severity"], a.Alert)
		for _, name := range []string{"summary", "description", "runbook_url"} {
			assert.NotEmpty(t, a.Annotations[name], "%s: %s", a.Alert, name)
		}
		assert.Regexp(t, `journalctl|systemctl|psql`, a.Annotations["description"], "%s: what to type", a.Alert)
	}
}

// expectedSeries are no measurements: the role renders which stanzas should be drilled and checked into rules of its
// own.
var expectedSeries = []string{
	"veza_backup_drill_expected", "veza_backup_check_expected", "veza_backup_control_expected",
}

// otherPages are those of the folder that no alert leads to: procedures that somebody decides to begin.
var otherPages = []string{
	"restore-for-real.md", "rotate-s3-keys.md", "new-passphrase.md", "postgres-major-upgrade.md", "lost-drill-host.md",
}

func TestRunbooks_AreThereForEveryAlertAndNothingElse(t *testing.T) {
	want := slices.Clone(otherPages)
	for _, a := range alerts(t) {
		page := kebab(a.Alert)
		want = append(want, page+".md")
		assert.Equal(t, "https://veza.fr/runbooks/"+page, a.Annotations["runbook_url"])
		text, err := os.ReadFile(fixtures + "runbooks/" + page + ".md")
		if assert.NoError(t, err) {
			assert.True(t, strings.HasPrefix(string(text), "# "+a.Alert+" ("+a.Labels["severity"]+")\n"),
				"the title of %s.md", page)
			for _, part := range []string{"**Means**", "**Look first**", "**Do**", "**Escalate**", "**Gone when**"} {
				assert.Contains(t, string(text), part, page)
			}
			for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
				file, _, _ := strings.Cut(link[1], "#") // package doc holds the headings
				assert.FileExists(t, fixtures+"runbooks/"+file, page)
			}
		}
	}
	var got []string
	pages, err := filepath.Glob(fixtures + "runbooks/*")
	require.NoError(t, err)
	for _, path := range pages {
		got = append(got, filepath.Base(path))
	}
	assert.ElementsMatch(t, want, got)
}

// kebab writes BackupRestoreDrillRPO as backup-restore-drill-rpo.
func kebab(name string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "$1-$2"))
}

// A metric that was renamed would leave its alert silent for ever.
func TestRules_NameOnlyMetricsThatAreWritten(t *testing.T) {
	text, err := os.ReadFile(rulesFile)
	require.NoError(t, err)
	names := regexp.MustCompile(`veza_backup_(?:drill|check|control)_\w+(?::\w+)?`).FindAllString(string(text), -1)
	require.Greater(t, len(names), 10)
	for _, name := range names {
		metric, _, _ := strings.Cut(name, ":") // of a recording rule's name
		if !slices.Contains(expectedSeries, metric) {
			assert.Contains(t, written(), metric)
		}
	}
}

// A budget is the run's own, and what is left of numbers stands in one table.
func TestRules_HoldNoBudget(t *testing.T) {
	due := func(d time.Duration) string { return fmt.Sprint(int(d.Seconds())) }
	want := map[string][]string{
		"BackupRestoreDrillStale": {due(suite.Drill.Due)},
		"BackupCheckStale":        {due(suite.Backup.Due), due(suite.ClaimDue)},
		"BackupDrillControlStale": {due(suite.Control.Due)},
		"BackupDataNotCompared":   {due(suite.ComparedDue)},
		"BackupRestoreDrillSlow":  {"0.8"},
		// Of days that are left of a budget, and no budget.
		"BackupRestoreDrillForecast": {"60"},
		// Hours that an instance may wait for the host, as testprom's -slot-wait has it, and no budget.
		"BackupUnitHangs": {"6"},
	}
	quoted := regexp.MustCompile(`"[^"]*"|\[\w+\]|[a-z_:]+`)
	for _, a := range alerts(t) {
		var numbers []string
		for _, n := range regexp.MustCompile(`[\d.]+`).FindAllString(quoted.ReplaceAllString(a.Expr, ""), -1) {
			if n != "0" && n != "1" && n != due(suite.Ahead) {
				numbers = append(numbers, n)
			}
		}
		assert.Equal(t, want[a.Alert], numbers, "%s: %s", a.Alert, a.Expr)
		for name, text := range a.Annotations {
			assert.NotRegexp(t, `\b(24|30|120|1440|1800) ?(m|s|min|minutes|hours|h)\b`, text, "%s: %s", a.Alert, name)
		}
	}
}

// The role's list says the same as the program.
func TestRole_ExpectsWhatTheProgramDoes(t *testing.T) {
	role := fixtures + "ansible/roles/drill_monitoring/"
	text, err := os.ReadFile(role + "vars/main.yml")
	require.NoError(t, err)
	for name, want := range map[string]time.Duration{
		"__drill_monitoring_drill_max_age": suite.Drill.Due, "__drill_monitoring_check_max_age": suite.Backup.Due,
		"__drill_monitoring_control_max_age": suite.Control.Due,
	} {
		assert.Contains(t, string(text), fmt.Sprintf("%s: %d ", name, int(want.Seconds())))
	}
	text, err = os.ReadFile(role + "defaults/main.yml")
	require.NoError(t, err)
	assert.Contains(t, string(text), fmt.Sprintf("_alarm_max_age: %d ", int(suite.AlarmDue.Seconds())))
	text, err = os.ReadFile(role + "templates/expected.rules.yml.j2")
	require.NoError(t, err)
	for _, name := range append(expectedSeries, "veza_backup_alarm_path_expected") {
		assert.Contains(t, string(text), "record: "+name+"\n")
	}
}

// written are the metrics of all suites.
func written() (names []string) {
	for _, kind := range suite.Suites {
		for _, d := range textfile.Definitions(kind) {
			names = append(names, kind.Namespace+d.Name)
		}
	}
	return names
}

func TestUnitTests_HaveBothDirectionsOfEveryAlert(t *testing.T) {
	file := readTests(t)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Cases {
			if len(c.Fires) == 0 {
				silent[c.Alert] = true
				continue
			}
			fires[c.Alert] = true
			assert.NotEmpty(t, c.Fires[0].Annotations["runbook_url"], c.Alert)
		}
	}
	for _, a := range alerts(t) {
		assert.True(t, fires[a.Alert], "%s: no case in which it fires", a.Alert)
		assert.True(t, silent[a.Alert], "%s: no case in which it is silent", a.Alert)
	}
}
