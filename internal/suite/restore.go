package suite

import (
	"time"

	"veza.fr/recovery/internal/reason"
)

// Restore is the restore of a disaster: the drill's steps on the node itself, whose end is a cluster
// that is handed over where the drill tears its sandbox down. It measures what the drill does.
var Restore = Suite{
	Name:      "restore",
	Test:      "TestRestore",
	Namespace: "veza_restore_",
	Words: Words{
		Title: "restore", Step: "step", Sound: "restored",
		Passed:     "The cluster is restored, and stopped cleanly: it is ready to be handed over.",
		NotCleaned: "The cluster is restored and passed its checks; only handing it over failed.",
		Left:       "HANDED OVER",
	},
	Steps: []Expected{
		{Name: "preflight", Default: reason.SandboxFailed},
		{Name: "launch", Default: reason.SandboxFailed},
		{Name: "provision", Default: reason.SandboxFailed},
		{Name: "restore", Default: reason.RestoreFailed},
		{Name: "recover", Default: reason.StartFailed},
		{Name: "verify", Default: reason.SmokeQuery},
		{Name: "handover", Default: reason.SandboxFailed},
	},
	Final:      "handover",
	Spoken:     "handover", // what is there now, and what can be done with it
	FinalTime:  handoverTime,
	Survives:   true, // whatever became of it, a server is stopped, and it is said what is there
	Metrics:    Drill.Metrics,
	InfoLabels: Drill.InfoLabels,
}

// handoverTime bounds the hand-over: a server with much memory writes for minutes until it is stopped.
const handoverTime = 30 * time.Minute

// Plan is a Restore that stops before anything is written: preflight alone.
var Plan = Suite{
	Name:      "restore",
	Test:      Restore.Test,
	Namespace: Restore.Namespace,
	Words: Words{
		Title: "plan of a restore", Step: "step", Sound: "restored",
		Passed:     "A restore would begin with this; nothing of the node was changed.",
		NotCleaned: "A restore would begin with this; only cleaning up after the look failed.",
	},
	Steps:      Restore.Steps[:1],
	Survives:   true,
	Metrics:    Restore.Metrics,
	InfoLabels: Restore.InfoLabels,
}
