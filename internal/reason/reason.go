// Package reason owns the words a run may end with: each reason, the exit
// status it leads to, and what an operator is told about it.
//
// The names are label values in Prometheus and are read from outside: they are
// never renamed, only added.
package reason

import (
	"errors"
	"fmt"
)

// Reason is one stable word for why a run did not pass, or None.
type Reason string

// Exit statuses of a run. Nothing else is ever returned.
const (
	ExitPass        = 0 // every expected step ran and passed
	ExitFailed      = 1 // the backups, or the restore made from them, are at fault
	ExitEnvironment = 2 // the environment kept the run from a verdict
)

// None is the reason of a run that passed.
const None Reason = "none"

// Reasons that lead to exit status 1: what is wrong would break a real restore too.
const (
	NoBackup             Reason = "no_backup"
	RepoDenied           Reason = "repo_denied"
	RepoCorrupt          Reason = "repo_corrupt"
	WrongCipher          Reason = "wrong_cipher"
	UntrustedCertificate Reason = "untrusted_certificate"
	RestoreFailed        Reason = "restore_failed"
	WALMissing           Reason = "wal_missing"
	WALCorrupt           Reason = "wal_corrupt"
	RecoveryIncomplete   Reason = "recovery_incomplete"
	TimelineConflict     Reason = "timeline_conflict"
	StartFailed          Reason = "start_failed"
	SmokeQuery           Reason = "smoke_query"
	TooFewRows           Reason = "too_few_rows"
	StaleData            Reason = "stale_data"
	PageChecksum         Reason = "page_checksum"
	IndexCorrupt         Reason = "index_corrupt"
	RTOExceeded          Reason = "rto_exceeded"
	RPOExceeded          Reason = "rpo_exceeded"
	IsolationBreached    Reason = "isolation_breached"
	DataDiffers          Reason = "data_differs"
	PolicyViolated       Reason = "policy_violated"
	BackupMissed         Reason = "backup_missed"
	ArchivingFailed      Reason = "archiving_failed"
	RetentionWrong       Reason = "retention_wrong"
	NotEncrypted         Reason = "not_encrypted"
)

// Reasons that lead to exit status 2: nothing was learned about the backups.
const (
	ToolMissing       Reason = "tool_missing"
	ConfigInvalid     Reason = "config_invalid"
	PlaceholderSecret Reason = "placeholder_secret"
	RepoUnreachable   Reason = "repo_unreachable"
	SandboxFailed     Reason = "sandbox_failed"
	ImageMissing      Reason = "image_missing"
	VersionMismatch   Reason = "version_mismatch"
	DiskSpace         Reason = "disk_space"
	ClockSkew         Reason = "clock_skew"
	Locked            Reason = "locked"
	Timeout           Reason = "timeout"
	Interrupted       Reason = "interrupted"
	BuildFailed       Reason = "build_failed"
	NoTests           Reason = "no_tests"
	ReportUnreadable  Reason = "report_unreadable"
	Panic             Reason = "panic"
	StandbyUnusable   Reason = "standby_unusable"
)

// Error is a failure whose reason is known where it happened.
type Error struct {
	Reason Reason
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf builds an Error; the format is that of fmt.Errorf, %w included.
func Errorf(r Reason, format string, args ...any) error {
	return &Error{Reason: r, Err: fmt.Errorf(format, args...)}
}

// Wrap gives err a reason unless it carries one already: whoever stood nearest
// to the cause knew best. A nil err stays nil.
func Wrap(r Reason, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := Of(err); ok {
		return err
	}
	return &Error{Reason: r, Err: err}
}

// Of is the reason err carries anywhere in its chain.
func Of(err error) (Reason, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason, true
	}
	return "", false
}

// Exit is the exit status r leads to; a word that is not in the table is
// ExitEnvironment, because it proves nothing about the backups.
func (r Reason) Exit() int {
	if r == None {
		return ExitPass
	}
	if e, ok := lookup(r); ok {
		return e.Exit
	}
	return ExitEnvironment
}

// Known says whether r stands in the table.
func (r Reason) Known() bool { _, ok := lookup(r); return ok }

// Means is the sentence that tells an operator what happened.
func (r Reason) Means() string { e, _ := lookup(r); return e.Means }

// Next is the sentence that tells an operator what to look at or type next.
func (r Reason) Next() string { e, _ := lookup(r); return e.Next }

func lookup(r Reason) (Entry, bool) {
	for _, e := range Table {
		if e.Reason == r {
			return e, true
		}
	}
	return Entry{}, false
}
