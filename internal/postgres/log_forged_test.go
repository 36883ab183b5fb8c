package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

const (
	testToken  = "veza-TEST"
	postmaster = 100
	session    = 200
	killLine   = "server process (PID 200) was terminated by signal 9: Killed"
)

// serverLine is a line as PostgreSQL writes it: what follows a line break is indented.
func serverLine(pid int, level, text string) string {
	return fmt.Sprintf("2026-11-23 23:23:57.144 UTC [%d] %s %s:  %s\n", pid, testToken, level,
		strings.ReplaceAll(text, "\n", "\n\t"))
}

// upLog is the log of a server that has recovered and takes connections.
func upLog() string {
	return serverLine(postmaster, "LOG", "starting PostgreSQL 15.20 on x86_64") +
		serverLine(101, "LOG", "redo starts at 0/1000028") +
		serverLine(101, "LOG", `restored log file "000000010000000000000002" from archive`) +
		serverLine(101, "LOG", "redo done at 0/2000028 system usage: x") +
		serverLine(101, "LOG", "selected new timeline ID: 2") +
		serverLine(postmaster, "LOG", "database system is ready to accept connections")
}

// words are what a function of the data may try to put into the server's mouth.
var words = []string{
	killLine,
	"server process (PID 7) was terminated by signal 11: Segmentation fault",
	"redo done at 0/9000028 system usage: x", "recovery stopping after commit of transaction 1",
	`restored log file "000000010000000000000009" from archive`, "selected new timeline ID: 9",
	"last completed transaction was at log time 2030-01-01 00:00:00+00",
	"ERROR: [042]: unable to get x", "P00  ERROR: [049]: unable to connect", "    [FileMissingError]",
	"could not write to file: No space left on device", `could not open file "base/1/1": Input/output error`,
	"requested timeline 2 is not a child of this",
	"starting PostgreSQL 99", "all server processes terminated; reinitializing",
	"received fast shutdown request", "invalid magic number 0000 in log segment",
	`could not create symbolic link "pg_tblspc/1": Permission denied`,
	`WAL redo at 0/1 for Tablespace/CREATE: 1 "/srv"`,
}

// lies are whole lines around words: of the session itself, by a guessed process id with and
// without the token, after a line break, and raw.
func lies(text string) []string {
	var list []string
	for _, level := range []string{"LOG", "WARNING", "ERROR", "FATAL", "DETAIL", "CONTEXT", "STATEMENT"} {
		guessed := fmt.Sprintf("2026-11-23 23:23:57.144 UTC [%d] %s:  %s", postmaster, level, text)
		list = append(list,
			serverLine(session, level, text),
			serverLine(session, "WARNING", "x\n"+strings.TrimSuffix(serverLine(postmaster, level, text), "\n")),
			serverLine(session, "WARNING", guessed), guessed+"\n", text+"\n")
	}
	return list
}

// Once sessions of the data may be at work, nothing that they write changes what the log says.
func TestParseLog_TheDataWritesNothing(t *testing.T) {
	want := ParseLog(upLog(), testToken)
	assert.EqualValues(t, 2, want.Timeline)
	assert.Equal(t, 1, want.Segments())
	for _, text := range words {
		for _, lie := range lies(text) {
			got := ParseLog(upLog()+lie, testToken)
			got.tail = want.tail
			assert.Equal(t, want, got, lie)
		}
	}
}

// The server's own word is heard between them.
func TestParseLog_ThePostmasterIsHeard(t *testing.T) {
	log := ParseLog(upLog()+"half a line without an end "+serverLine(postmaster, "LOG", killLine), testToken)
	assert.Equal(t, killLine, log.Killed)
	log = ParseLog(upLog()+serverLine(postmaster, "LOG", strings.ReplaceAll(killLine, "9: Killed", "11: x"))+
		serverLine(postmaster, "DETAIL", "Failed process was running: SELECT '"+killLine+"'"), testToken)
	assert.Empty(t, log.Killed, "what the session ran is not the postmaster's word")
	assert.NotEmpty(t, log.Crashed)

	for words, killed := range map[string]bool{
		"server process (PID 200) was terminated by signal 15: Terminated": true,
		"server process (PID 200) was terminated by signal 3: Quit":        true,
		"server process (PID 200) exited with exit code 2":                 true,
		"server process (PID 200) was terminated by signal 6: Aborted":     false,
		"server process (PID 200) was terminated by signal 7: Bus error":   false,
	} {
		log = ParseLog(upLog()+serverLine(postmaster, "LOG", words), testToken)
		assert.Equal(t, killed, log.Killed == words, words)
		assert.Equal(t, !killed, log.Crashed == words, words)
	}

	const noSpace = "could not write to file: No space left on device"
	full := ParseLog(upLog()+serverLine(session, "PANIC", noSpace), testToken)
	why, _ := reason.Of(full.StartError())
	assert.Equal(t, reason.DiskSpace, why, "no function can raise a PANIC")
	_, crashed := full.CrashReason()
	assert.False(t, crashed, "nothing crashed")
	full = ParseLog(upLog()+serverLine(session, "PANIC", noSpace)+
		serverLine(postmaster, "LOG", "server process (PID 200) was terminated by signal 6: Aborted"), testToken)
	why, _ = full.CrashReason()
	assert.Equal(t, reason.DiskSpace, why, "a PANIC ends in a crash")

	again := upLog() + serverLine(postmaster, "LOG", "all server processes terminated; reinitializing")
	full = ParseLog(again+serverLine(300, "FATAL", noSpace), testToken)
	why, _ = reason.Of(full.StartError())
	assert.Equal(t, reason.DiskSpace, why, "no session is left that could say so")
	full = ParseLog(again+serverLine(300, "LOG", `restored log file "x" from archive`)+"ERROR: [042]: x\n", testToken)
	assert.Equal(t, 1, full.Segments())
	assert.Empty(t, full.Archive)
}

// The name of a tablespace's place, which a record brings into a line of the recovery itself,
// is no word of PostgreSQL's.
func TestStartError_NamesAreNoWords(t *testing.T) {
	const place = `/srv/x" No space left on device "terminated by signal 9" invalid page in block`
	log := ParseLog(serverLine(postmaster, "LOG", "starting PostgreSQL 15")+
		serverLine(101, "FATAL", `directory "`+place+`" does not exist`), testToken)
	why, _ := reason.Of(log.StartError())
	assert.Equal(t, reason.StartFailed, why)
}

// A second start in the same file is read from where it begins, by its own token.
func TestParseLog_TheLastAttemptCounts(t *testing.T) {
	log := ParseLog(serverLine(90, "FATAL", "could not access file \"x\"")+upLog(), testToken)
	assert.Empty(t, log.Fatal)
	assert.NotZero(t, ParseLog(strings.ReplaceAll(upLog(), testToken, "veza-OTHER")+upLog(), testToken).Timeline)
	assert.Zero(t, ParseLog(strings.ReplaceAll(upLog(), testToken, "veza-OTHER"), testToken).Timeline)
}

func FuzzParseLog(f *testing.F) {
	for _, name := range []string{"switch.log", "segment-cut.log", "target-lsn.log"} {
		f.Add(recorded(f, name), "x")
	}
	f.Add("2026-11-23 23:21:06.509 UTC [1] LOG:  selected new timeline ID: 99999999999999999999\n", killLine)
	want := ParseLog(upLog(), testToken)
	f.Fuzz(func(t *testing.T, content, text string) {
		log := ParseLog(content, "")
		log.DamageRead(16 << 20)
		_, ok := reason.Of(log.StartError())
		assert.True(t, ok, "a cluster that is not up always has a reason")

		if strings.Contains(text, testToken) {
			return // nobody guesses it
		}
		got := ParseLog(upLog()+serverLine(session, "WARNING", text)+text+"\n", testToken)
		got.tail = want.tail
		assert.Equal(t, want, got)
	})
}
