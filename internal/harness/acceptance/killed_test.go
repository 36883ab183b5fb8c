package acceptance

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// slow is a check that goes on while something is done to the server.
const slow = "- {name: slow, query: 'SELECT count(*) FROM users, (SELECT pg_sleep(30)) AS s', min: 1}\n"

// A backend that was killed, by a person or for want of memory, is no witness against
// the data: PostgreSQL survives it by a restart, and the query does not.
func TestKilledBackend(t *testing.T) {
	long(t)
	killed(t, intact(t), "verify", " SELECT", killedBackend)
}

var killedBackend = singleFault("TestKilledBackend", fault{
	exit: 2, why: reason.SandboxFailed, words: "terminated by signal 9", step: "verify",
})

// So it is with the postmaster itself, and whoever replays the archive.
func TestKilledPostmaster(t *testing.T) {
	long(t)
	killed(t, intact(t), "verify", "/bin/postgres -D ", killedPostmaster)
}

var killedPostmaster = singleFault("TestKilledPostmaster", fault{exit: 2, why: reason.SandboxFailed, step: "verify"})

func TestKilledStartup(t *testing.T) {
	long(t)
	killed(t, hungInRecovery(t), "recover", "postgres: startup", killedStartup)
}

var killedStartup = singleFault("TestKilledStartup", fault{
	exit: 2, why: reason.SandboxFailed, words: "signal 9", step: "recover",
})

// killed drills a copy and kills, in a step, the process whose command line holds words.
func killed(t *testing.T, rc *repoCopy, step, words string, want fault) {
	t.Helper()
	args := rc.drillArgs()
	if step == "verify" {
		checks(slow)(rc)
		args = rc.drillArgs("-checks", "{dir}/checks.yml")
	}
	f := rc.start("drill", nil, args...)
	f.Reach(step)
	if step == "verify" { // the slow query must have begun
		eventually(t, "the slow check", func() string { return absent(serverProcess(rc, " SELECT")) })
	}
	eventually(t, "a process to kill", func() string {
		id := serverProcess(rc, words)
		if id != 0 {
			require.NoError(t, syscall.Kill(id, syscall.SIGKILL))
		}
		return absent(id)
	})
	f.judge(want)
}

// serverProcess is the one of PostgreSQL's whose command line holds words, 0 when there is none.
func serverProcess(rc *repoCopy, words string) int {
	for _, one := range processes(rc.dir) {
		pid, command, _ := strings.Cut(one, " ")
		server := strings.Contains(command, "postgres") && !strings.Contains(command, "pg_ctl")
		if id, err := strconv.Atoi(pid); err == nil && server && strings.Contains(command, words) {
			return id
		}
	}
	return 0
}

func absent(id int) string {
	if id == 0 {
		return "none yet"
	}
	return ""
}
