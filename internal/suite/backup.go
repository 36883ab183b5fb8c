package suite

import (
	"time"

	"veza.fr/recovery/internal/reason"
)

// Measurements that are counted from how the claims ended.
const (
	ChecksMetric = "checks"        // by outcome
	ClaimMetric  = "claim_success" // of each claim
	// ClaimRunMetric and ClaimSuccessMetric outlive the run that asked a claim: a later one may leave it out.
	ClaimRunMetric     = "claim_last_run_timestamp_seconds"
	ClaimSuccessMetric = "claim_last_success_timestamp_seconds"
)

// backupTimeout bounds a run of the backup checks: integrity reads the whole repository.
const backupTimeout = 45 * time.Minute

// Backup is the acceptance check of the backups as they are taken. Its steps are
// claims, in the order they are asked and judged.
var Backup = Suite{
	Name:      "backup",
	Test:      "TestBackup",
	Namespace: "veza_backup_check_",
	Due:       CheckDue,
	Words: Words{
		Title: "backup checks", Step: "claim", Opens: "open", Sound: "sound",
		Passed:     "The backups are taken as they should be: every claim that was asked holds.",
		NotCleaned: "Every claim on the backups that was asked holds; only cleaning up after the run failed.",
	},
	Timeout: backupTimeout,
	Steps: []Expected{
		{Name: "policy", Default: reason.PolicyViolated},
		{Name: "stanza", Default: reason.RepoCorrupt},
		{Name: "cadence", Default: reason.BackupMissed},
		{Name: "archive", Default: reason.WALMissing},
		{Name: "rpo", Default: reason.RPOExceeded, Optional: true},
		{Name: "retention", Default: reason.RetentionWrong, Optional: true},
		{Name: "encryption", Default: reason.NotEncrypted, Optional: true}, // not of a repository host
		{Name: "integrity", Default: reason.RepoCorrupt, Optional: true},
	},
	Independent: true,
	Metrics: []Definition{
		{Name: ChecksMetric, Help: "Claims on the backups by outcome.", Labels: []string{"status"}, Counted: true},
		{
			Name: ClaimMetric,
			Help: "1 when the claim held in the last run, 0 when it did not; absent when nothing was learned " +
				"about it.",
			Labels:  []string{"claim"},
			Counted: true,
		},
		{
			Name: ClaimRunMetric, Help: "Unix time of the last run that learned whether the claim holds.",
			Labels: []string{"claim"}, Counted: true,
		},
		{
			Name: ClaimSuccessMetric, Help: "Unix time of the last run in which the claim held.",
			Labels: []string{"claim"}, Counted: true,
		},
		{Name: "newest_full_age_seconds", Help: "Age of the newest full backup, from its stop."},
		{Name: "newest_full_age_budget_seconds", Help: "Oldest the newest full backup may be."},
		{Name: "newest_backup_age_seconds", Help: "Age of the newest full or differential backup, from its stop."},
		{Name: "newest_backup_age_budget_seconds", Help: "Oldest the newest full or differential backup may be."},
		{Name: "backups", Help: "Backups in the repository by type.", Labels: []string{"type"}},
		{Name: "missed_backups", Help: "Days of the calendar on which a backup was due and none is found."},
		{Name: "archive_segments", Help: "WAL segments from the oldest retained backup to the newest segment."},
		{
			Name: "rpo_seconds",
			Help: "Longest time from a written row to its WAL segment in the repository, over the rounds.",
		},
		{Name: "rpo_budget_seconds", Help: "Longest a written row may take to be in the repository."},
		{
			Name: "verified_files",
			Help: "Files of the repository that were read again and compared with their checksum.",
		},
		{Name: "verify_coverage_ratio", Help: "Share of the repository that was read again within the cycle."},
		{
			Name: "verify_oldest_seconds",
			Help: "Age of the longest-ago reading of any part of the repository; of one that was never read, from " +
				"when it was first listed.",
		},
		{Name: "verify_cycle_seconds", Help: "Time within which all of the repository has to be read again."},
		{Name: "invalid_files", Help: "Files of the repository that are missing, cut or fail their checksum."},
	},
	InfoLabels: []string{"pg_version", "pgbackrest_version", "environment"},
}
