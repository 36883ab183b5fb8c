package alerts

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// unitTests is promtool's file of tests.
type unitTests struct {
	Files    []string   `json:"rule_files"          yaml:"rule_files"`
	Interval string     `json:"evaluation_interval" yaml:"evaluation_interval"`
	Tests    []unitTest `json:"tests"               yaml:"tests"`
}

type unitTest struct {
	Name     string `json:"name"     yaml:"name"`
	Interval string `json:"interval" yaml:"interval"`
	Series   []struct {
		Series string `json:"series" yaml:"series"`
		Values string `json:"values" yaml:"values"`
	} `json:"input_series" yaml:"input_series"`
	Cases   []alertCase `json:"alert_rule_test"  yaml:"alert_rule_test"`
	Queries []queryCase `json:"promql_expr_test" yaml:"promql_expr_test"`
}

type alertCase struct {
	Alert string `json:"alertname" yaml:"alertname"`
	At    string `json:"eval_time" yaml:"eval_time"`
	Fires []struct {
		Labels      map[string]string `json:"exp_labels"      yaml:"exp_labels"`
		Annotations map[string]string `json:"exp_annotations" yaml:"exp_annotations"`
	} `json:"exp_alerts" yaml:"exp_alerts"`
}

type queryCase struct {
	Expr    string        `json:"expr"        yaml:"expr"`
	At      string        `json:"eval_time"   yaml:"eval_time"`
	Samples []queryResult `json:"exp_samples" yaml:"exp_samples"`
}

type queryResult struct {
	Labels string  `json:"labels" yaml:"labels"`
	Value  float64 `json:"value"  yaml:"value"`
}

// judgedBy are the alerts that are made of a recording rule which no test asks for itself.
var judgedBy = map[string]string{
	"instance:veza_backup_drill_last_run_timestamp_seconds:max":          "BackupRestoreDrillRed",
	"stanza:veza_backup_drill_last_success:min":                          "BackupRestoreDrillRed",
	"instance:veza_backup_drill_different_relations:max":                 "BackupDataDiffers",
	"instance:veza_backup_drill_last_attempt_timestamp_seconds:compared": "BackupDataDiffers",
	"instance:veza_backup_drill_last_attempt_timestamp_seconds:whole":    "BackupDataDiffers",
	"stanza:veza_backup_drill_last_attempt_timestamp_seconds:waiting":    "BackupDataNotCompared",
	"instance:veza_backup_check_last_run_timestamp_seconds:max":          "BackupCheckFailed",
	"instance:veza_backup_check_claim_last_run_timestamp_seconds:red":    "BackupCheckFailed",
	"instance:veza_backup_check_last_success:min":                        "BackupCheckFailed",
	"instance:veza_backup_control_last_run_timestamp_seconds:max":        "BackupDrillControlFailed",
	"instance:veza_backup_control_last_success:min":                      "BackupDrillControlFailed",
}

// readTests reads promtool's file as promtool does: to another package a series of 0x20 is the number 32.
func readTests(t *testing.T) (file unitTests) {
	t.Helper()
	text, err := os.ReadFile(testsFile)
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&file))
	return file
}

// reduced writes what is needed to judge one rule, and returns the path of its tests: the rule and those that it
// is made of, and of the tests that name it what they say of it. All of both for every change are minutes.
func reduced(t *testing.T, rules []alert, of alert) string {
	t.Helper()
	watched := of
	if name := judgedBy[of.Record]; name != "" {
		watched = rules[slices.IndexFunc(rules, func(r alert) bool { return r.Alert == name })]
	}
	dir := t.TempDir()
	write := func(name string, content any) string {
		text, err := json.Marshal(content)
		require.NoError(t, err)
		path := filepath.Join(dir, filepath.Base(name))
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	write(rulesFile, groups{[]group{{"veza_backup", madeOf(rules, watched)}}})
	file := readTests(t)
	var kept []unitTest
	for _, test := range file.Tests {
		if about(&test, watched.Alert+watched.Record) {
			kept = append(kept, test)
		}
	}
	require.NotEmpty(t, kept)
	file.Tests = kept
	return write(testsFile, file)
}

// madeOf are a rule and the recording rules that it needs, in the order of the file.
func madeOf(rules []alert, rule alert) (needed []alert) {
	text := rule.Expr + strings.Join(slices.Collect(maps.Values(rule.Annotations)), "")
	for i := len(rules) - 1; i >= 0; i-- {
		r := rules[i]
		same := r.Alert == rule.Alert && r.Record == rule.Record
		if same || r.Record != "" && strings.Contains(text, r.Record) {
			needed = append(needed, r)
			text += r.Expr
		}
	}
	slices.Reverse(needed)
	return needed
}

// about leaves in a test what it says of one rule, and reports whether it says anything.
func about(test *unitTest, name string) bool {
	named := false
	test.Cases = slices.DeleteFunc(test.Cases, func(c alertCase) bool { return c.Alert != name })
	var queries []queryCase
	for _, q := range test.Queries {
		if len(q.Samples) > 0 && strings.HasPrefix(q.Expr, "count(ALERTS)") {
			continue // of all alerts together
		}
		all := q.Samples
		q.Samples = slices.DeleteFunc(slices.Clone(all), func(r queryResult) bool {
			return strings.Contains(r.Labels, "alertname=") && !strings.Contains(r.Labels, `"`+name+`"`)
		})
		ofAlerts := strings.Contains(q.Expr, "ALERTS")
		if ofAlerts || strings.Contains(q.Expr, name) {
			queries = append(queries, q)
		}
		named = named || strings.Contains(q.Expr, name) || ofAlerts && len(q.Samples) > 0
	}
	test.Queries = queries
	return named || len(test.Cases) > 0
}
