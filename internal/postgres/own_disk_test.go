package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// A disk that failed under the server ends it, or its replay, and says nothing of the backup. What a file holds, or is
// called, does not read so.
func TestParseLog_TheMachinesOwnDisk(t *testing.T) {
	const begin = "starting PostgreSQL 15.18"
	for text, failed := range map[string]bool{
		`could not open file "global/pg_filenode.map": Input/output error`:                                  true,
		`could not open file "base/1/1259": Too many open files in system`:                                  true,
		`could not read block 0 in file "base/1/1259": Input/output error`:                                  true,
		`could not read blocks 0..7 in file "base/1/1259": Input/output error`:                              true,
		`could not write to file "pg_wal/xlogtemp.7": Read-only file system`:                                true,
		`could not fsync file "pg_tblspc/16422/PG_15_202209061/5/1": Input/output error`:                    true,
		`could not rename file "pg_wal/xlogtemp.7" to "pg_wal/000000010000000000000002": Stale file handle`: true,
		`could not create lock file "/box/run/.s.PGSQL.5432.lock": Read-only file system`:                   true,
		`could not open configuration file "/box/etc/pg_hba.conf": Input/output error`:                      true,
		`could not write to log file 000000010000000000000002 at offset 0, length 8192: Input/output error`: true,

		`could not read block 0 in file "base/1/1259": read only 0 of 8192 bytes`:          false,
		`could not open file "global/pg_filenode.map": No such file or directory`:          false,
		`could not open file "base/1/1259": Permission denied`:                             false,
		`could not open file "/srv/production/1": Input/output error`:                      false,
		`could not open file "../production/1": Input/output error`:                        false,
		`could not access status of transaction 1`:                                         false,
		`could not load library "/usr/lib/x.so": libx.so: cannot open: Input/output error`: false,
		`directory "/srv/could not open file "base/1": Input/output error" does not exist`: false,
		`could not create directory "base/1": Input/output error": File name too long`:     false,
		`invalid page in block 7 of relation "base/5/16384"`:                               false,
	} {
		log := ParseLog(serverLine(postmaster, "LOG", begin)+serverLine(101, "FATAL", text), testToken,
			"/box/data", "/box/run", "/box/etc")
		why, _ := reason.Of(log.StartError())
		assert.Equal(t, failed, why == reason.SandboxFailed, text)
		assert.Equal(t, failed, log.DiskError() != nil, text)
	}
}

// Of a transaction's status PostgreSQL names the file in a line of its own; a segment that cannot be read is the end of
// the archive for it, and the replay ends there without a FATAL line.
func TestCause_TheMachinesOwnDisk(t *testing.T) {
	status := ParseLog(serverLine(101, "FATAL", "could not access status of transaction 1")+
		serverLine(101, "DETAIL", `Could not read from file "pg_xact/0000" at offset 0: Input/output error.`),
		testToken)
	why, _ := reason.Of(status.StartError())
	assert.Equal(t, reason.SandboxFailed, why)

	const segment = "could not read from log segment 000000010000000000000002, offset 0: "
	ended := ParseLog(serverLine(101, "LOG", segment+"Input/output error"), testToken)
	why, _ = reason.Of(ended.Cause())
	assert.Equal(t, reason.SandboxFailed, why)
	require.NoError(t, ParseLog(serverLine(101, "LOG", segment+"read 0 of 8192"), testToken).Cause())

	for line, want := range map[string]reason.Reason{
		"write: [30] Read-only file system [FileReadError] on retry after 0ms": reason.SandboxFailed,
		"write: [5] Input/output error":                                        reason.SandboxFailed,
		"write: [13] Permission denied":                                        reason.RecoveryIncomplete,
		"write: [28] No space left on device":                                  reason.DiskSpace,
	} {
		line = "ERROR: [041]: unable to open file '/box/data/pg_wal/RECOVERYXLOG' for " + line
		why, _ = reason.Of(ParseLog(line+"\n", testToken, "/box/data").Cause())
		assert.Equal(t, want, why, line)
	}
	repo := "ERROR: [041]: unable to open file '/repo/archive/1' for read: [5] Input/output error\n"
	why, _ = reason.Of(ParseLog(repo, testToken, "/box/data").Cause())
	assert.Equal(t, reason.WALCorrupt, why, "the repository's own disk")
}

// A PANIC of a cluster that is up is the disk's as well; a session's own words are nobody's.
func TestCrashReason_TheMachinesOwnDisk(t *testing.T) {
	const text = `could not fsync file "base/1/1259": Input/output error`
	crash := serverLine(postmaster, "LOG", "server process (PID 200) was terminated by signal 6: Aborted")
	why, _ := ParseLog(upLog()+serverLine(session, "PANIC", text)+crash, testToken).CrashReason()
	assert.Equal(t, reason.SandboxFailed, why)
	for _, level := range []string{"ERROR", "FATAL", "LOG", "DETAIL"} {
		_, known := ParseLog(upLog()+serverLine(session, level, text)+crash, testToken).CrashReason()
		assert.False(t, known, level)
	}
}

type controldata struct {
	host.Host
	said string
}

func (c controldata) Run(_ context.Context, cmd host.Command) (host.Result, error) {
	result := host.Result{Stderr: []byte(c.said)}
	return result, &host.ExitError{Argv: cmd.Argv, Code: 1, Result: result}
}

func TestReadControl_TheMachinesOwnDisk(t *testing.T) {
	for said, want := range map[string]reason.Reason{
		`could not open file "/box/global/pg_control" for reading: Input/output error`:        reason.SandboxFailed,
		`could not read file "/box/global/pg_control": Input/output error`:                    reason.SandboxFailed,
		`could not open file "/box/global/pg_control" for reading: No such file or directory`: reason.StartFailed,
		`could not read file "/box/global/pg_control": read 0 of 296`:                         reason.StartFailed,
	} {
		_, err := ReadControl(t.Context(), controldata{said: "pg_controldata: error: " + said + "\n"}, Installation{},
			"/box/data")
		why, _ := reason.Of(err)
		assert.Equal(t, want, why, said)
	}
}

// What the server answers of it has codes that otherwise mean damage, or a right that is lacking. The words of a
// function of the data, and a file of elsewhere, are none of its answers.
func TestDiskFailed(t *testing.T) {
	const message = `could not open file "base/5/16384": Structure needs cleaning`
	assert.True(t, DiskFailed(&pgconn.PgError{Code: "XX000", File: "md.c", Message: message}))
	assert.True(t, DiskFailed(&pgconn.PgError{
		Code: "42501", File: "fd.c", Message: `could not write to file "base/pgsql_tmp/7.0": Read-only file system`,
	}))
	assert.False(t, DiskFailed(&pgconn.PgError{Code: "XX000", File: "pl_exec.c", Message: message}))
	assert.False(t, DiskFailed(&pgconn.PgError{
		Code: "58030", File: "fd.c", Message: `could not open file "/srv/x": Input/output error`,
	}))
	assert.False(t, DiskFailed(&pgconn.PgError{Code: "XX001", Message: "invalid page in block 7"}))
}
