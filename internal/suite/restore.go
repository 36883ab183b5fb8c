package suite

import "veza.fr/recovery/internal/reason"

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
	Metrics:    Drill.Metrics,
	InfoLabels: Drill.InfoLabels,
}
