package drill

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// A restore that failed is the repository's fault when pgBackRest names a file, this machine's
// when pgBackRest was killed or never ran, and else a failed restore.
func TestFailedRestore(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want reason.Reason
	}{
		"its reason is known": {reason.Errorf(reason.RepoDenied, "403"), reason.RepoDenied},
		"it never ran":        {errors.New("fork: resource temporarily unavailable"), reason.SandboxFailed},
		"killed":              {&pgbackrest.Error{Command: "restore", Code: 137}, reason.SandboxFailed},
		"terminated":          {&pgbackrest.Error{Command: "restore", Code: 63}, reason.SandboxFailed},
		"a file is missing": {said(55, "ERROR: [055]: unable to open missing file '/repo/x' for "+
			"read"), reason.RepoCorrupt},
		"a checksum is wrong": {said(29, "ERROR: [029]: error restoring '/data/x': actual checksum 'a' does not "+
			"match expected checksum 'b'"), reason.RepoCorrupt},
		"pages were damaged before": {
			said(26, "ERROR: [026]: invalid page checksum(s) found in file /data/base/5/1"),
			reason.PageChecksum,
		},
		"off the timeline": {said(58, "ERROR: [058]: backup timeline 1, lsn 0/2000028 is not in the history of target "+
			"timeline 9"), reason.TimelineConflict},
		"something unheard of":   {said(25, "ERROR: [025]: something nobody thought of"), reason.RestoreFailed},
		"and so when wrapped":    {fmt.Errorf("again: %w", said(25, "ERROR: [025]: x")), reason.RestoreFailed},
		"nothing said, status 1": {&pgbackrest.Error{Command: "restore", Code: 1}, reason.RestoreFailed},
	} {
		requireReason(t, c.want, failedRestore(c.err), name)
	}
}

func said(code int, line string) error {
	return &pgbackrest.Error{Command: "restore", Code: code, Lines: []string{line}}
}

// Only a postmaster that ended by itself is explained by its log: one that was killed, or
// never ran, says nothing about the backup.
func TestBlamesServer(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"pg_ctl says it did not start": {&host.ExitError{Argv: []string{"pg_ctl"}, Code: 1}, true},
		"the postmaster died":          {fmt.Errorf("waiting: %w", postgres.ErrDied), true},
		"pg_ctl was killed":            {&host.ExitError{Argv: []string{"pg_ctl"}, Code: 137}, false},
		"nothing ran":                  {errors.New("no such container"), false},
		"the reason is known":          {reason.Wrap(reason.DiskSpace, postgres.ErrDied), false},
	} {
		assert.Equal(t, c.want, blamesServer(c.err), name)
	}
}

// A recovery to a target that failed names the target; only one that ended too early gets the
// hint that another set may reach it.
func TestStartFailure(t *testing.T) {
	early := reason.Errorf(reason.RecoveryIncomplete, "recovery ended before configured recovery target was reached")
	damaged := reason.Errorf(reason.WALCorrupt, "bad record")
	assert.Equal(t, damaged, startFailure(target.Target{}, "L", damaged))
	failed := startFailure(lsnTarget("0/5000000"), "L", early)
	requireReason(t, reason.RecoveryIncomplete, failed, "")
	assert.ErrorContains(t, failed, "-target lsn:0/5000000, from backup L (an older target needs an older -set)")
	failed = startFailure(lsnTarget("0/5000000"), "L", damaged)
	requireReason(t, reason.WALCorrupt, failed, "")
	assert.NotContains(t, failed.Error(), "an older target")
}

// A query that failed is the data's fault when the server answered or crashed, and this
// machine's when somebody killed a process, told it to end, or the connection broke.
func TestQueryFailure(t *testing.T) {
	closed := fmt.Errorf("check slow: %w", pgconn.ErrConnClosed)
	const crashLine = "server process (PID 7) was terminated by signal 11"
	ended := func(code, message string) error {
		return &pgconn.PgError{Code: code, File: "postgres.c", Message: message}
	}
	answered := error(&pgconn.PgError{Code: "42P01", Message: `relation "users" does not exist`})
	for name, c := range map[string]struct {
		log  postgres.Log
		err  error
		want reason.Reason
	}{
		"the server answered": {postgres.Log{}, answered, reason.SmokeQuery},
		"a process was killed": {postgres.Log{Killed: "server process (PID 7) was terminated by signal " +
			"9"}, io.ErrUnexpectedEOF, reason.SandboxFailed},
		"the postmaster was killed, says its server process": {
			postgres.Log{},
			&pgconn.PgError{
				Code: "57P01", File: "be-secure.c", Message: "terminating connection due to unexpected postmaster exit",
			},
			reason.SandboxFailed,
		},
		"a function says so": {
			postgres.Log{},
			&pgconn.PgError{
				Code: "57P01", File: "pl_exec.c", Message: "terminating connection due to unexpected postmaster exit",
			},
			reason.SmokeQuery,
		},
		"a process crashed": {postgres.Log{Crashed: crashLine}, io.ErrUnexpectedEOF, reason.SmokeQuery},
		"a process crashed, and the server recovers": {
			postgres.Log{Crashed: crashLine}, ended("57P03", "in recovery mode"), reason.SmokeQuery,
		},
		"it aborted for want of space": {
			postgres.Log{Crashed: crashLine, Fatal: []string{"could not write to file: No space left on device"}},
			io.ErrUnexpectedEOF, reason.DiskSpace,
		},
		"a page is damaged": {postgres.Log{}, ended("XX001", "invalid page in block 0"), reason.PageChecksum},
		"no room for a sort": {
			postgres.Log{},
			ended("53100", "could not write block 7 of temporary file: No space left on device"),
			reason.DiskSpace,
		},
		"no memory": {postgres.Log{}, ended("53200", "out of memory"), reason.SandboxFailed},
		"a function says so of a page": {
			postgres.Log{}, &pgconn.PgError{Code: "XX001", File: "pl_exec.c", Message: "x"}, reason.SmokeQuery,
		},
		"the disk failed": {
			postgres.Log{},
			ended("XX000", `could not open file "base/5/16384": Structure needs cleaning`),
			reason.SandboxFailed,
		},
		"told to end":     {postgres.Log{}, ended("57P01", "terminating connection"), reason.SandboxFailed},
		"another crashed": {postgres.Log{}, ended("57P02", "terminating connection"), reason.SandboxFailed},
		"it shuts down": {
			postgres.Log{}, ended("57P03", "the database system is shutting down"), reason.SandboxFailed,
		},
		"told to cancel": {postgres.Log{}, ended("57014", "canceling statement"), reason.SandboxFailed},
		"refused to begin": {
			postgres.Log{}, fmt.Errorf("%w: %w", &pgconn.ConnectError{}, ended("57P03", "x")), reason.SandboxFailed,
		},
		"the connection broke":     {postgres.Log{}, io.ErrUnexpectedEOF, reason.SandboxFailed},
		"the connection is closed": {postgres.Log{}, closed, reason.SandboxFailed},
		"no connection came about": {postgres.Log{}, &pgconn.ConnectError{}, reason.SandboxFailed},
		"the server would not let it " +
			"in": {postgres.Log{}, fmt.Errorf("%w: %w", &pgconn.ConnectError{}, answered), reason.SmokeQuery},
	} {
		requireReason(t, c.want, queryFailure(c.log, c.err), name)
	}
}

// An object of the sandbox's own in the archive is a breach; none is none.
func TestOwnTrace(t *testing.T) {
	fork := wal.Fork{Timeline: 2, From: wal.Switch{Timeline: 1, At: 0x8000000}}
	requireReason(t, reason.IsolationBreached, ownTrace("00000002.history", fork), "")
	requireReason(t, "", ownTrace("", fork), "")
}

// A link that leaves the sandbox is seen, also one that only begins like it or climbs out.
func TestFirstOutside(t *testing.T) {
	assert.Empty(t, firstOutside("", "/box/tblspc"))
	assert.Empty(t, firstOutside("/box/tblspc/16384\n/box/tblspc/16385\n", "/box/tblspc"))
	for _, outside := range []string{"/srv/data", "/box/tblspc2/1", "/box/tblspc/../data", "/box/tblspc"} {
		assert.Equal(t, outside, firstOutside("/box/tblspc/16384\n"+outside+"\n", "/box/tblspc"), outside)
	}
}

// The recovery before a failover must not have read a record of what came after it.
func TestOnTheOldTimeline(t *testing.T) {
	failover := wal.Switch{Timeline: 1, At: 0x7000028}
	requireReason(t, "", onTheOldTimeline(0x7000027, failover, lsnTarget("0/6000001")), "")
	requireReason(t, reason.RecoveryIncomplete, onTheOldTimeline(0x7000028, failover, lsnTarget("0/6000001")), "")
}
