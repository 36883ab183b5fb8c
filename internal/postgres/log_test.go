package postgres

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

func recorded(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../fixtures/postgres/" + name)
	require.NoError(t, err)
	return string(content)
}

func TestParseLog_ReadsACompleteRecovery(t *testing.T) {
	log := ParseLog(recorded(t, "switch.log"), "")
	assert.Equal(t, 9, log.Segments(), "each segment once, no history files")
	assert.EqualValues(t, 3, log.Timeline)
	assert.True(t, log.RedoDone.After(log.RedoStart))
	assert.False(t, log.LastCommit.IsZero())
	assert.Empty(t, log.Archive)
	assert.Empty(t, log.Fatal)
	assert.Empty(t, log.Damage)
	assert.NoError(t, log.Cause())
}

func TestParseLog_NamesTheTargetItStoppedAt(t *testing.T) {
	assert.Contains(t, ParseLog(recorded(t, "target-lsn.log"), "").Stopping, `"0/C000028"`)
	assert.Contains(t, ParseLog(recorded(t, "target-time.log"), "").Stopping, "time 2026-")
	assert.Empty(t, ParseLog(recorded(t, "target-missed.log"), "").Stopping)
}

// PostgreSQL came up in the first three of these, with data missing (facts B1).
func TestCause_IsFoundInTheLog(t *testing.T) {
	for name, words := range map[string]string{
		"segment-cut.log":     "00000001000000000000000B",
		"segment-corrupt.log": "bad WAL record",
		"last-corrupt.log":    "checksum",
		"first-corrupt.log":   "checksum",
	} {
		err := ParseLog(recorded(t, name), "").Cause()
		why, _ := reason.Of(err)
		assert.Equal(t, reason.WALCorrupt, why, name)
		assert.ErrorContains(t, err, words, name)
	}
}

// A backend that found no room says so; what a client's statement says does not count.
func TestParseLog_ADiskThatIsFull(t *testing.T) {
	const begin = "2026-11-30 09:55:18.011 UTC [8792] run LOG:  starting PostgreSQL 15.18\n" +
		"2026-11-30 09:55:18.011 UTC [8793] run "
	const full = `could not resize shared memory segment "pg_dynshmem/mmap.1868438374" to 1048576 bytes: ` +
		`No space left on device`
	assert.Equal(t, full, ParseLog(begin+"FATAL:  "+full+"\n", "run").Full)
	assert.Empty(t, ParseLog(begin+"STATEMENT:  "+full+"\n", "run").Full)
	assert.Empty(t, ParseLog(recorded(t, "switch.log"), "").Full)
}

func TestDamageRead_OnlyWhatCameFromTheArchive(t *testing.T) {
	log := ParseLog(recorded(t, "last-corrupt.log"), "")
	assert.NotEmpty(t, log.DamageRead(16<<20))
	log.Damage = []string{
		"invalid record length at 0/F000000: wanted 24, got 0",
		"unexpected pageaddr 0/5000000 in log segment 00000001000000000000000F, offset 0",
	}
	assert.Empty(t, log.DamageRead(16<<20), "after the last archived segment that is how the end is noticed")
	log.Damage = []string{"something invalid magic number without a place"}
	assert.NotEmpty(t, log.DamageRead(16<<20), "in doubt it counts")
}

// Whatever the reader of WAL says of a record or a page counts where the archive gave it, and only there.
func TestDamageRead_EveryWordOfTheReader(t *testing.T) {
	const begin = "2026-11-30 09:55:18.011 UTC [8793] run LOG:  "
	for _, words := range []string{
		"out-of-sequence timeline ID 1 (after 9) in log segment 00000001000000000000000%X, offset 8192",
		"out-of-sequence timeline ID 1 (after 9) in WAL segment 00000001000000000000000%X, LSN 0/2000, offset 8192",
		"unexpected timeline ID 9 in log segment 00000001000000000000000%X, offset 8192",
		"contrecord is requested by 0/%X002018",
		"invalid record offset at 0/%X002010",
		"invalid record offset at 0/%X002010: expected at least 24, got 16",
		"record with invalid length at 0/%X002018",
		"BKPBLOCK_HAS_DATA not set, but data length is 7 at 0/%X002018",
		"BKPIMAGE_COMPRESSED set, but block image length 8192 at 0/%X002018",
		"neither BKPIMAGE_HAS_HOLE nor BKPIMAGE_COMPRESSED set, but block image length is 7 at 0/%X002018",
		"could not restore image at 0/%X002018 with invalid block 7 specified",
		"could not restore image at 0/%X002018 compressed with unknown method, block 7",
	} {
		for number, damaged := range map[int]bool{5: true, 6: false} {
			log := ParseLog(begin+"restored log file \"000000010000000000000005\" from archive\n"+
				begin+fmt.Sprintf(words, number)+"\n", "run")
			assert.Equal(t, damaged, len(log.DamageRead(16<<20)) == 1, words)
		}
	}
	for _, words := range []string{
		"successfully skipped missing contrecord at 0/5002018, overwritten at 2026-11-30 09:55:18.011+00",
		"consistent recovery state reached at 0/5002018", "redo done at 0/5002018 system usage: CPU",
		"could not restore image at 0/5002018 compressed with lz4 not supported by build, block 7",
	} {
		log := ParseLog(begin+"restored log file \"000000010000000000000005\" from archive\n"+begin+words+"\n", "run")
		assert.Empty(t, log.DamageRead(16<<20), words)
	}
}

func TestStartError_SaysWhyAClusterIsNotUp(t *testing.T) {
	line := func(level, text string) string {
		return "2026-11-23 23:23:57.144 UTC [1] " + level + ":  " + text + "\n"
	}
	for _, c := range []struct {
		log string
		why reason.Reason
	}{
		{recorded(t, "target-missed.log"), reason.RecoveryIncomplete},
		{recorded(t, "first-corrupt.log"), reason.WALCorrupt},
		{line("FATAL", "requested timeline 2 is not a child of this server's history"), reason.TimelineConflict},
		{line("PANIC", "could not write to file: No space left on device"), reason.DiskSpace},
		{line("FATAL", "could not map anonymous shared memory: Cannot allocate memory"), reason.SandboxFailed},
		{line("FATAL", "database files are incompatible with server"), reason.VersionMismatch},
		{line("FATAL", "WAL file is from different database system: 1 and 2"), reason.WALCorrupt},
		{
			"ERROR: [049]: unable to connect\n" + line("FATAL", "could not locate required checkpoint record"),
			reason.RepoUnreachable,
		},
		{line("FATAL", "could not locate required checkpoint record"), reason.RecoveryIncomplete},
		{
			line("FATAL", "WAL was generated with wal_level=minimal, cannot continue recovering"), reason.StartFailed,
		},
		{line("FATAL", "invalid page in block 7 of relation base/5/16384"), reason.PageChecksum},
		{line("FATAL", `invalid page in block 7 of relation "base/5/16384"`), reason.PageChecksum},
		{line("FATAL", `2 invalid pages among blocks 7..9 of relation "base/5/16384"`), reason.PageChecksum},
		{line("FATAL", "could not decompress image at 0/70000A0, block 0"), reason.WALCorrupt},
		{line("FATAL", "could not access file \"timescaledb\": No such file"), reason.ToolMissing},
		{
			line("FATAL", "could not load library \"/lib/x.so\": libgeos_c.so.1: cannot open shared object file: "+
				"No such file or directory"), reason.ToolMissing,
		},
		{line("FATAL", "incompatible library \"/lib/x.so\": version mismatch"), reason.ToolMissing},
		{line("FATAL", "resource manager with ID 144 not registered"), reason.ToolMissing},
		{line("FATAL", "could not access status of transaction 1"), reason.StartFailed},
		{line("FATAL", "could not open file \"global/pg_filenode.map\": No such file"), reason.StartFailed},
		{line("LOG", "startup process (PID 7) was terminated by signal 9: Killed"), reason.SandboxFailed},
		{ // whatever came after it
			line("LOG", "startup process (PID 7) was terminated by signal 9: Killed") +
				strings.Repeat(line("LOG", "checkpoint complete"), 20), reason.SandboxFailed,
		},
		{line("LOG", "startup process (PID 7) was terminated by signal 15: Terminated"), reason.SandboxFailed},
		{line("LOG", "startup process (PID 7) was terminated by signal 11: Segmentation fault"), reason.StartFailed},
		{
			line("FATAL", "could not restore file \"000000010000000000000002\" from archive: child process exited "+
				"with exit code 137"), reason.SandboxFailed,
		},
		{line("FATAL", "terminating connection due to unexpected postmaster exit"), reason.SandboxFailed},
		{line("PANIC", "could not write to file: Disk quota exceeded"), reason.DiskSpace},
		{line("LOG", "redo starts at 0/1"), reason.SandboxFailed},
		{ // WAL ends so, and what comes after it is of its own
			line("LOG", "invalid record length at 0/70000A0: wanted 24, got 0") +
				line("LOG", "selected new timeline ID: 2") +
				line("FATAL", "could not access status of transaction 1"), reason.StartFailed,
		},
		{
			line("LOG", "invalid record length at 0/70000A0: wanted 24, got 0") +
				line("FATAL", "could not locate required checkpoint record"), reason.WALCorrupt,
		},
		{"", reason.SandboxFailed},
	} {
		why, ok := reason.Of(ParseLog(c.log, "").StartError())
		assert.True(t, ok)
		assert.Equal(t, c.why, why, c.log)
	}
}

// PostgreSQL quotes the setting from 17 on. What helps is said in any case, and not because a name says so.
func TestStartError_WALOfWALLevelMinimal(t *testing.T) {
	for said, minimal := range map[string]bool{
		"WAL was generated with wal_level=minimal, cannot continue recovering":                       true,
		`WAL was generated with "wal_level=minimal", cannot continue recovering`:                     true,
		`directory "/srv/WAL was generated with "wal_level=minimal", cannot" does not exist`:         false,
		`directory "/srv/WAL was generated with wal_level=minimal, cannot" does not exist`:           false,
		`WAL was generated with "wal_level=logical", cannot continue recovering, says no PostgreSQL`: false,
	} {
		err := ParseLog("2026-11-23 23:23:57.144 UTC [1] FATAL:  "+said+"\n", "").StartError()
		why, _ := reason.Of(err)
		assert.Equal(t, reason.StartFailed, why, said)
		assert.Equal(t, minimal, strings.Contains(err.Error(), "take a full backup now"), said)
	}
}

func TestParseLog_AKnockTooEarlyIsNoFatal(t *testing.T) {
	log := ParseLog("2026-11-23 23:21:06.509 UTC [24403] FATAL:  the database system is starting up\n", "")
	assert.Empty(t, log.Fatal)
}

func TestStartError_ATablespaceOutsideIsStoppedBeforeItIsWritten(t *testing.T) {
	err := ParseLog(
		"2026-11-24 00:31:21.000 UTC [7] FATAL:  could not create symbolic link \"pg_tblspc/16422\": Permission "+
			"denied\n"+
			"2026-11-24 00:31:21.000 UTC [7] CONTEXT:  WAL redo at 0/C000028 for Tablespace/CREATE: 16422 "+
			"\"/srv/fast\"\n", "",
	).StartError()
	why, _ := reason.Of(err)
	assert.Equal(t, reason.IsolationBreached, why)
	assert.ErrorContains(t, err, "/srv/fast")
}

// A segment that nobody brought in time says nothing of the archive.
func TestCause_WaitedInVain(t *testing.T) {
	err := Log{Archive: []string{"ERROR: [082]: unable to get WAL file '000000010000000000000005' from the archive " +
		"asynchronously after 300 second(s)"}}.Cause()
	why, _ := reason.Of(err)
	assert.Equal(t, reason.RepoUnreachable, why)
}

// WAL of an extension that was left out names what was, and whether any image could help.
func TestStartError_WALOfALibraryThatWasLeftOut(t *testing.T) {
	log := ParseLog("2026-11-30 09:55:18.011 UTC [7] FATAL:  resource manager with ID 128 not registered\n", "")
	said := func(leftOut ...string) string {
		log.LeftOut = leftOut
		err := log.StartError()
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ToolMissing, why)
		return err.Error()
	}
	assert.Contains(t, said(), "/etc/postgresql")
	assert.Contains(t, said("pg_tde"), "was left out (pg_tde): install it")
	assert.NotContains(t, said("pg_tde"), "never")
	assert.Contains(t, said("$libdir/spock"), "$libdir/spock is never loaded here")
}
