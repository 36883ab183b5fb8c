package suite

import (
	"cmp"
	"slices"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Expected is one expected subtest and the reason a run gets when it fails without
// publishing one.
type Expected struct {
	Name     string
	Default  reason.Reason
	Optional bool // of an independent suite: a run may publish a list (AskedKey) without it
}

// Definition describes a measurement a test may publish.
type Definition struct {
	Name   string            // without the namespace; base units, seconds or bytes
	Help   string            // must be the same to the letter in every file (facts D)
	Labels []string          // labels of its own, besides stanza
	Values map[string]string // a label's value where the key names none
	// Counted is a measurement the converter makes: from how the steps ended, since a killed
	// test cannot, or from the history. A test never publishes it.
	Counted bool
}

// Suite is what a converter knows of a test run: nothing in testreport or
// textfile knows more of drills than one of these.
type Suite struct {
	Name       string // drill or backup; the package that holds the test
	Test       string // the top-level test whose subtests are the steps
	Namespace  string // prefix of every metric
	Steps      []Expected
	Spoken     string        // the step whose lines are shown where those of others are not; "" when there is none
	Final      string        // the step whose lone failure does not touch the verdict: teardown; "" when there is none
	FinalTime  time.Duration // bounds that step; 0 is what finalTime says
	Survives   bool          // a step that panics has failed and the final one runs; else a panic ends the run
	Metrics    []Definition
	InfoLabels []string // labels of the info metric, published as label.<name>
	Words      Words
	Timeout    time.Duration // of a run that was given none; 0: the RTO budget counts
	Due        time.Duration // how old its newest verdict may be
	// Restores is how often a run may restore the set, each time within the RTO budget; 0 is once.
	Restores int
	// Chosen is a test that its package leaves alone unless -run names it.
	Chosen bool
	// Independent steps are claims: each is asked whatever became of the others, and a
	// run says beforehand (AskedKey) which ones it asks.
	Independent bool
}

// Words are how a suite's runs are told to people.
type Words struct {
	Title      string // TITLE of stanza demo
	Step       string // what one subtest is called
	Opens      string // what the suite's own test does before its first subtest; "" when that takes no time
	Sound      string // one word for backups of which a run proved what it is there to prove
	Passed     string // what a pass means
	NotCleaned string // what it means when only the clean-up failed
	Left       string // what is not done then, in capitals; "" is CLEANED UP
	AtFault    string // one word for what a run with exit status 1 proved; "" is at_fault: the backups are
	Failed     string // what exit status 1 means; "" is what the reason's own sentence says of the backups
	FailedNext string // and what to do next
}

// AtFaultWord is the word for what a red run proved.
func (w Words) AtFaultWord() string { return cmp.Or(w.AtFault, "at_fault") }

// Measurements that are made from the history of drills.
const (
	ForecastMetric   = "rto_forecast_seconds"
	BudgetDaysMetric = "rto_budget_days"
)

// Drill is the restore drill.
var Drill = Suite{
	Name:      "drill",
	Test:      "TestDrill",
	Namespace: "veza_backup_drill_",
	Due:       DrillDue,
	Words: Words{
		Title: "drill", Step: "step", Sound: "restored",
		Passed: "The backups restore: every expected step ran and passed. " +
			"veza-restore of this set would do the same.",
		NotCleaned: "The backups restore; only cleaning up after the run failed.",
	},
	Steps: []Expected{
		{Name: "preflight", Default: reason.SandboxFailed},
		{Name: "launch", Default: reason.SandboxFailed},
		{Name: "provision", Default: reason.SandboxFailed},
		{Name: "restore", Default: reason.RestoreFailed},
		{Name: "recover", Default: reason.StartFailed},
		{Name: "verify", Default: reason.SmokeQuery},
		{Name: "teardown", Default: reason.SandboxFailed},
	},
	Final: "teardown",
	Metrics: []Definition{
		{Name: "rto_seconds", Help: "Wall clock from the start of the restore to the first answered query."},
		{
			Name: "rto_worst_seconds",
			Help: "Restore time plus the replay time of the most WAL archived between two backups, at the measured " +
				"replay rate.",
		},
		{Name: "rto_budget_seconds", Help: "RTO budget of the run."},
		{
			Name:   "rpo_seconds",
			Help:   "Age of the newest moment that came back when recovery found the end of the archive.",
			Labels: []string{"basis"},
		},
		{Name: "rpo_budget_seconds", Help: "RPO budget of the run."},
		{Name: "restored_bytes", Help: "Size of the restored files before recovery."},
		{Name: "wal_segments_replayed", Help: "WAL segments recovery took from the archive."},
		{
			Name:   "rows",
			Help:   "Value each check of the restored data returned.",
			Labels: []string{"check"},
			Values: map[string]string{"check": "users"},
		},
		{
			Name:   "check_duration_seconds",
			Help:   "Wall clock of each deeper check, over all cores.",
			Labels: []string{"check"},
		},
		{
			Name: "heartbeat_missing",
			Help: "Numbers missing between the oldest and the newest beat that came back.",
		},
		{Name: "checks", Help: "Checks on the restored data by outcome.", Labels: []string{"status"}},
		{
			Name: "backup_age_seconds",
			Help: "Age of the restored backup set, from its stop to the preflight of the drill.",
		},
		{Name: "backup_age_budget_seconds", Help: "Oldest the newest backup set may be."},
		{Name: "compared_rows", Help: "Restored rows that were compared with production, or with another backup set."},
		{Name: "compared_bytes", Help: "Size of these rows, as text."},
		{Name: "compare_coverage_ratio", Help: "Share of all blocks of tables that this run compared."},
		{
			Name: "compare_oldest_seconds",
			Help: "Age of the longest-ago comparison of any block; absent while some were never compared.",
		},
		{
			Name: "compare_waiting_seconds",
			Help: "How long the block that waits longest was not compared: since its last comparison, or since it " +
				"was first listed.",
		},
		{Name: "different_relations", Help: "Relations in which the restored data is not what it was compared with."},
		{Name: "compare_pause_seconds", Help: "How long replay of the standby stood still."},
		{
			Name: ForecastMetric, Help: "RTO so many days later, by the drills that passed so far.",
			Labels: []string{"days"}, Counted: true,
		},
		{
			Name: BudgetDaysMetric, Help: "Days until the RTO comes to its budget; absent while it does not grow.",
			Counted: true,
		},
	},
	InfoLabels: []string{"backup_label", "backup_type", "pg_version", "pgbackrest_version", "environment"},
}

// Suites are those that testprom judges. A real restore judges itself, and its metrics are nobody's
// time series: see Restore.
var Suites = []Suite{Drill, Backup, Control}

// Named is the one of them with a name; false where there is none.
func Named(name string) (Suite, bool) {
	i := slices.IndexFunc(Suites, func(s Suite) bool { return s.Name == name })
	if i < 0 {
		return Suite{}, false
	}
	return Suites[i], true
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
