package measure

import "veza.fr/recovery/internal/reason"

// Step is one expected subtest and the reason a run gets when it fails without
// publishing one.
type Step struct {
	Name    string
	Default reason.Reason
}

// Definition describes a measurement a test may publish.
type Definition struct {
	Name   string            // without the namespace; base units, seconds or bytes
	Help   string            // must be the same to the letter in every file (facts D)
	Labels []string          // labels of its own, besides stanza
	Values map[string]string // a label's value where the key names none
}

// Suite is what a converter knows of a test run: nothing in testreport or
// textfile knows more of drills than one of these.
type Suite struct {
	Name       string // drill or backup
	Test       string // the top-level test whose subtests are the steps
	Namespace  string // prefix of every metric
	Steps      []Step
	Final      string // the step whose lone failure does not touch the verdict: teardown
	Metrics    []Definition
	InfoLabels []string // labels of the info metric, published as label.<name>
}

// Drill is the restore drill.
var Drill = Suite{
	Name:      "drill",
	Test:      "TestDrill",
	Namespace: "veza_backup_drill_",
	Steps: []Step{
		{"preflight", reason.SandboxFailed},
		{"launch", reason.SandboxFailed},
		{"provision", reason.SandboxFailed},
		{"restore", reason.RestoreFailed},
		{"recover", reason.StartFailed},
		{"verify", reason.SmokeQuery},
		{"teardown", reason.SandboxFailed},
	},
	Final: "teardown",
	Metrics: []Definition{
		{Name: "rto_seconds", Help: "Wall clock from the start of the restore to the first answered query."},
		{Name: "rto_worst_seconds", Help: "Restore time plus the replay time of the most WAL archived between two backups, at the measured replay rate."},
		{Name: "rpo_seconds", Help: "Age of the newest moment that came back when recovery found the end of the archive.", Labels: []string{"basis"}},
		{Name: "restored_bytes", Help: "Size of the restored files before recovery."},
		{Name: "wal_segments_replayed", Help: "WAL segments recovery took from the archive."},
		{Name: "rows", Help: "Value each check of the restored data returned.", Labels: []string{"check"}, Values: map[string]string{"check": "users"}},
		{Name: "checks", Help: "Checks on the restored data by outcome.", Labels: []string{"status"}},
		{Name: "backup_age_seconds", Help: "Age of the restored backup set, from its stop to the preflight of the drill."},
	},
	InfoLabels: []string{"backup_label", "backup_type", "pg_version", "pgbackrest_version", "environment"},
}

// StepNames are the expected subtests in runbook order.
func (s Suite) StepNames() []string {
	names := make([]string, len(s.Steps))
	for i, step := range s.Steps {
		names[i] = step.Name
	}
	return names
}

// Definition finds a metric by name.
func (s Suite) Definition(name string) (Definition, bool) {
	for _, d := range s.Metrics {
		if d.Name == name {
			return d, true
		}
	}
	return Definition{}, false
}
