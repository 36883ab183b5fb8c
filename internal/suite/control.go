package suite

import "veza.fr/recovery/internal/reason"

// FaultMetric is counted from how the claims of a Control ended.
const FaultMetric = "fault_found"

// Control asks of the drill what the drill asks of the backups: is it red when it should be? Each claim is a fault
// that is put into what a drill sees of the repository. The reason of one that is let through is the one that the
// drill should have given.
var Control = Suite{
	Name:      "control",
	Test:      "TestControl",
	Namespace: "veza_backup_control_",
	Due:       ControlDue,
	Words: Words{
		Title: "control of the drill", Step: "fault", Opens: "open", Sound: "faults_found",
		Passed: "The drill is red when it should be: it found every fault that was put before it, with its right " +
			"reason.",
		NotCleaned: "The drill found every fault that was put before it; only cleaning up after the run failed.",
		AtFault:    "fault_let_through",
		Failed: "The drill does not find this fault any more, though it was put before it: what it says of the " +
			"backups cannot be relied on.",
		FailedNext: "Trust no green drill until this is mended: look for what changed since the last control that " +
			"passed (the drill, pgBackRest, PostgreSQL), and run the control again with testprom -v.",
	},
	Restores: 3, // for two faults, and once more without one where a drill is red for another reason
	Chosen:   true,
	Steps: []Expected{
		{Name: "hidden_segment", Default: reason.WALMissing},
		{Name: "flipped_segment", Default: reason.WALCorrupt},
		{Name: "cut_backup_file", Default: reason.RepoCorrupt},
		{Name: "denied", Default: reason.RepoDenied},
	},
	Independent: true,
	Metrics: []Definition{
		{
			Name: FaultMetric,
			Help: "1 when the last run of the control found the fault, 0 when the drill let it through; absent when " +
				"that is not known.",
			Labels:  []string{"fault"},
			Counted: true,
		},
	},
	InfoLabels: []string{"backup_label", "backup_type", "pg_version", "pgbackrest_version", "environment"},
}
