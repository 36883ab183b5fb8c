package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/runner"
	"veza.fr/recovery/internal/testprom/textfile"
)

const (
	drillFile = "veza_backup_drill.prom"
	checkFile = "veza_backup_check.prom"

	// seenTime bounds how long a changed file may take to become a changed alert: a scrape
	// and an evaluation a second.
	seenTime = 30 * time.Second

	// promptly is the group of the same alerts with no `for`, so that firing is seen soon.
	promptly = "veza_backup_promptly"
)

// site is a node_exporter with textfiles, and a Prometheus that scrapes it.
type site struct {
	*testing.T
	textfiles string
	exporter  string // its address
	dies      func() // node_exporter's machine, for good
	other     string // textfiles of another host
	api       api
}

// list is the one of stanzas that are expected, as the role renders it.
var list = groups{[]group{{"veza_backup_expected", []alert{
	{Record: "veza_backup_drill_expected", Expr: "vector(691200)", Labels: map[string]string{"stanza": "demo"}},
}}}}

// newSite takes the address of an Alertmanager, or none.
func newSite(t *testing.T, alertmanager ...string) *site {
	t.Helper()
	s := &site{T: t, textfiles: t.TempDir(), other: t.TempDir()}
	flags := []string{"--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory="}
	host := func(dir string) []string { return append(flags[:2:2], flags[2]+dir) }
	s.exporter, s.dies = start(t, "prometheus-node-exporter", host(s.textfiles)...)
	targets := []string{s.exporter, serve(t, "prometheus-node-exporter", host(s.other)...)}

	dir := t.TempDir()
	rules := groups{[]group{{promptly, alerts(t)}}}
	for i := range rules.Groups[0].Rules {
		r := &rules.Groups[0].Rules[i]
		r.For, r.Labels["copy"] = "", "promptly"
	}
	loaded, err := filepath.Abs(rulesFile)
	require.NoError(t, err)
	config, err := json.Marshal(map[string]any{
		"global":     map[string]string{"scrape_interval": "1s", "evaluation_interval": "1s"},
		"rule_files": []string{loaded, filepath.Join(dir, "promptly.json"), filepath.Join(dir, "list.json")},
		"scrape_configs": []any{map[string]any{
			"job_name": "node", "static_configs": []any{map[string]any{"targets": targets}},
		}},
		"alerting": map[string]any{"alertmanagers": []any{
			map[string]any{"static_configs": []any{map[string]any{"targets": alertmanager}}},
		}},
	})
	require.NoError(t, err)
	for name, file := range map[string]groups{"promptly.json": rules, "list.json": list} {
		text, failed := json.Marshal(file)
		require.NoError(t, failed)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.json"), config, 0o600))
	s.api = api(serve(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.json"),
		"--storage.tsdb.path="+filepath.Join(dir, "data")))
	return s
}

// run lets testprom judge a recorded stream as if it had just been run; want is its exit status.
func (s *site) run(suite, file, stream string, want int, flags ...string) {
	s.Helper()
	s.runOn(s.textfiles, suite, file, stream, want, flags...)
}

// runOn is run, on another host.
func (s *site) runOn(textfiles, suite, file, stream string, want int, flags ...string) {
	s.Helper()
	recorded := fixtures + "streams/" + stream + ".jsonl"
	var out strings.Builder
	args := append([]string{"-suite", suite, "-textfile", filepath.Join(textfiles, file)}, flags...)
	exit := runner.Main(append(args,
		"--", "sh", "-c", `cat "$1"; [ "$2" = 0 ]`, "recorded", recorded, fmt.Sprint(want)), // go test knows 0 and 1
		runner.World{Stdout: &out, Stderr: &out, Env: os.Environ(), Now: time.Now, Textfile: textfile.Files{}})
	require.Equal(s, want, exit, out.String())
}

// put puts a file among the textfiles, whole.
func (s *site) put(file, content string) {
	s.Helper()
	path := filepath.Join(s.textfiles, file)
	//nolint:gosec // node_exporter is another user
	require.NoError(s, os.WriteFile(path+".new", []byte(content), 0o644))
	require.NoError(s, os.Rename(path+".new", path))
}

// sees waits until an expression has data, and returns it.
func (s *site) sees(expr string) (seen []sample) {
	s.Helper()
	within(s.T, seenTime, expr, func(ctx context.Context) (err error) {
		if seen, err = s.api.query(ctx, expr); err == nil && len(seen) == 0 {
			err = errors.New("no data")
		}
		return err
	})
	return seen
}

// state waits until an alert of a group is inactive, pending or firing, and returns it.
func (s *site) state(group, name, want string) (found rule) {
	s.Helper()
	within(s.T, seenTime, name+" to be "+want, func(ctx context.Context) error {
		rules, err := s.api.rules(ctx, group)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rules, func(r rule) bool { return r.Name == name })
		if i < 0 {
			return errors.New("it is not loaded")
		}
		if found = rules[i]; found.State != want {
			return fmt.Errorf("it is %s (%s %s)", found.State, found.Health, found.LastError)
		}
		return nil
	})
	return found
}

// sound is a site on which everything was measured, and one unit failed.
func sound(t *testing.T) *site {
	t.Helper()
	long(t)
	s := newSite(t)
	units, err := os.ReadFile("testdata/systemd.prom")
	require.NoError(t, err)
	s.put("systemd.prom", string(units))
	history := filepath.Join(t.TempDir(), "history")
	s.run("drill", drillFile, "compared", 0, "-history", history)
	grow(t, history)
	s.run("drill", drillFile, "compared", 0, "-history", history)
	s.run("backup", checkFile, "backup-share", 0)
	require.NoError(t, textfile.Files{}.WriteAlarmPath(filepath.Join(s.textfiles, "veza_backup_alarm.prom"), true,
		time.Now()))
	s.sees("veza_backup_alarm_path_success == 1")
	s.sees("veza_backup_drill_last_success == 1")
	s.sees("veza_backup_check_last_success == 1")
	return s
}

// grow makes of a history of one pass that of a restore that takes longer every week.
func grow(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	const weeks = 8
	var lines []byte
	for ago := weeks; ago > 0; ago-- {
		var line map[string]any
		require.NoError(t, json.Unmarshal(text, &line))
		ended, err := time.Parse(time.RFC3339Nano, line["ended"].(string))
		require.NoError(t, err)
		line["ended"] = ended.AddDate(0, 0, -7*ago)
		for _, one := range line["measurements"].([]any) {
			if m := one.(map[string]any); m["name"] == "rto_seconds" {
				m["value"] = m["value"].(float64) * (1 - float64(ago)/(2*weeks))
			}
		}
		one, err := json.Marshal(line)
		require.NoError(t, err)
		lines = append(append(lines, one...), '\n')
	}
	require.NoError(t, os.WriteFile(path, lines, 0o600))
}

func TestPrometheus_AnswersEveryQueryOfTheDashboard(t *testing.T) {
	t.Parallel()
	s := sound(t)
	assert.Zero(t, s.sees("node_textfile_scrape_error")[0].number(t), "node_exporter takes both files as they are")
	s.state("veza_backup", "BackupUnitFailed", "pending") // something for the list of alerts
	s.sees("ALERTS")

	d := readDashboard(t)
	queries := d.queries("demo")
	assert.Greater(t, len(queries), 30)
	for _, q := range queries {
		found, err := s.api.query(t.Context(), q.expr)
		if !assert.NoError(t, err, q.panel) || !assert.NotEmpty(t, found, "%s: %s", q.panel, q.expr) {
			continue
		}
		for _, label := range q.labels {
			assert.Contains(t, found[0].Metric, label, "the legend of %s", q.panel)
		}
	}
	stanzas, err := s.api.labels(t.Context(), "stanza", d.stanzas(t))
	require.NoError(t, err)
	assert.Equal(t, []string{"demo"}, stanzas)
}

func TestPrometheus_EvaluatesTheRules(t *testing.T) {
	t.Parallel()
	s := sound(t)
	s.state("veza_backup", "BackupUnitFailed", "pending") // they were evaluated
	rules, err := s.api.rules(t.Context(), "veza_backup")
	require.NoError(t, err)
	all := len(rules)
	for _, group := range []string{controlGroup, "veza-backup-forecast"} {
		others, err := s.api.rules(t.Context(), group)
		require.NoError(t, err)
		all += len(others)
		for _, r := range others {
			assert.NotEqual(t, "err", r.Health, "%s: %s", r.Name, r.LastError)
			if group == controlGroup { // that the budget will be spent is so here
				s.state(group, r.Name, "inactive")
			}
		}
	}
	require.Len(t, alerts(t), all)
	require.NotEmpty(t, s.sees("veza_backup_drill_expected"))
	for _, r := range rules {
		assert.Equal(t, "ok", r.Health, "%s: %s", r.Name, r.LastError)
		// Of units one failed, and one runs; the first evaluation may have come before the drill's file was read.
		if !strings.HasPrefix(r.Name, "BackupUnit") {
			s.state("veza_backup", r.Name, "inactive")
		}
	}
	failed := s.state(promptly, "BackupUnitFailed", "firing")
	require.Len(t, failed.Alerts, 1, "the one that is tried again is none")
	assert.Equal(t, "pgbackrest-full.service", failed.Alerts[0].Labels["name"])
}

func TestPrometheus_AlarmsWhenADrillFailsAndClearsAfterTheNext(t *testing.T) {
	t.Parallel()
	s := sound(t)
	s.run("drill", drillFile, "wal-missing", 1)
	waiting := s.state("veza_backup", "BackupRestoreDrillFailed", "pending")
	assert.InDelta(t, 300, waiting.Duration, 0)
	firing := s.state(promptly, "BackupRestoreDrillFailed", "firing")
	require.Len(t, firing.Alerts, 1)
	for label, want := range map[string]string{"stanza": "demo", "reason": "wal_missing", "severity": "critical"} {
		assert.Equal(t, want, firing.Alerts[0].Labels[label])
	}
	assert.Contains(t, firing.Alerts[0].Annotations["description"], "It last did ")

	s.run("drill", drillFile, "pass", 0)
	s.state("veza_backup", "BackupRestoreDrillFailed", "inactive")
	s.state(promptly, "BackupRestoreDrillFailed", "inactive")
}

// A drill that passes without having compared has refuted nothing.
func TestPrometheus_AlarmsWhenTheDataDiffersUntilItIsCompared(t *testing.T) {
	t.Parallel()
	s := sound(t)
	s.run("drill", drillFile, "differs", 1)
	s.state("veza_backup", "BackupDataDiffers", "pending")
	differs := s.state(promptly, "BackupDataDiffers", "firing")
	require.Len(t, differs.Alerts, 1)
	assert.Equal(t, "critical", differs.Alerts[0].Labels["severity"])
	assert.Contains(t, differs.Alerts[0].Annotations["description"], "In 1 relations")
	assert.Equal(t, "data_differs", s.state(promptly, "BackupRestoreDrillFailed", "firing").Alerts[0].Labels["reason"])

	s.run("drill", drillFile, "pass", 0)
	s.state(promptly, "BackupRestoreDrillFailed", "inactive")
	s.sees(`absent(veza_backup_drill_different_relations)`)
	s.state(promptly, "BackupDataDiffers", "firing")

	s.run("drill", drillFile, "compared", 0)
	s.state(promptly, "BackupDataDiffers", "inactive")
}

func TestPrometheus_AlarmsWhenAFileCannotBeRead(t *testing.T) {
	t.Parallel()
	s := sound(t)
	s.put(drillFile, "veza_backup_drill_last_success{stanza=\"demo\" 1\n")
	s.state("veza_backup", "BackupTextfileUnreadable", "pending")
	s.state(promptly, "BackupTextfileUnreadable", "firing")
	s.state(promptly, "BackupRestoreDrillNeverRan", "firing")
	s.sees("veza_backup_check_last_success") // the other file's stay

	s.run("drill", drillFile, "pass", 0)
	s.state("veza_backup", "BackupTextfileUnreadable", "inactive")
	s.state(promptly, "BackupRestoreDrillNeverRan", "inactive")
}

func TestPrometheus_AlarmsWhenTheEnvironmentOrTheCheckFails(t *testing.T) {
	t.Parallel()
	s := sound(t)
	s.run("drill", drillFile, "timeout", 2)
	stopped := s.state(promptly, "BackupRestoreDrillEnvironmentError", "firing")
	assert.Contains(t, stopped.Alerts[0].Annotations["description"], "The last drill ended with timeout.")
	assert.NotContains(t, stopped.Alerts[0].Labels, "reason")
	s.state(promptly, "BackupRestoreDrillFailed", "inactive") // the old verdict stands

	s.run("backup", checkFile, "backup-two-claims-fail", 1)
	failed := s.state(promptly, "BackupCheckFailed", "firing")
	assert.NotContains(t, failed.Alerts[0].Labels, "reason")
	for _, a := range append(stopped.Alerts, failed.Alerts...) {
		for name, text := range a.Annotations {
			assert.NotContains(t, text, "<error", name)
			assert.NotContains(t, text, "<no value>", name)
		}
	}
}
