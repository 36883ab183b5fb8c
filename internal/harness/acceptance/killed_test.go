package acceptance

import (
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// slow is a check that goes on while something is done to the server.
const slow = "- {name: slow, query: 'SELECT count(*) FROM users, (SELECT pg_sleep(120)) AS slow', min: 1}\n"

// A backend that was killed, by a person or for want of memory, is no witness against
// the data: PostgreSQL survives it by a restart, and the query does not. Nor is one that was
// told to end, or to leave off. One that crashes by what it reads is.
func TestKilledBackend(t *testing.T) {
	long(t)
	for _, k := range killedBackends {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			killed(t, intact(t), "verify", slowBackend, k)
		})
	}
}

// kill is a signal to a process, and what comes of it.
type kill struct {
	fault
	signal syscall.Signal
}

var killedBackends = func() (list []kill) {
	for _, k := range []kill{
		{fault{exit: 2, why: reason.SandboxFailed, words: "terminated by signal 9"}, syscall.SIGKILL},
		{fault{exit: 2, why: reason.SandboxFailed, words: "SQLSTATE 57P01"}, syscall.SIGTERM},
		{fault{exit: 2, why: reason.SandboxFailed, words: "exited with exit code 2"}, syscall.SIGQUIT},
		{fault{exit: 2, why: reason.SandboxFailed, words: "SQLSTATE 57014"}, syscall.SIGINT},
		{fault{exit: 1, why: reason.SmokeQuery, words: "terminated by signal 11"}, syscall.SIGSEGV},
	} {
		k.step = "verify"
		name := unix.SignalName(k.signal)
		k.fault = singleFault("TestKilledBackend/"+name, k.fault)
		k.name = name
		list = append(list, k)
	}
	return list
}()

// So it is with the postmaster itself, and whoever replays the archive.
func TestKilledPostmaster(t *testing.T) {
	long(t)
	for _, k := range killedPostmasters {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			killed(t, intact(t), "verify", serverProcess("/bin/postgres -D "), k)
		})
	}
}

var killedPostmasters = func() (list []kill) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGQUIT} {
		name := unix.SignalName(signal)
		k := kill{singleFault("TestKilledPostmaster/"+name, fault{
			exit: 2, why: reason.SandboxFailed, step: "verify",
		}), signal}
		k.name = name
		list = append(list, k)
	}
	return list
}()

func TestKilledStartup(t *testing.T) {
	long(t)
	killed(t, hungInRecovery(t), "recover", serverProcess("postgres: startup"), kill{killedStartup, syscall.SIGKILL})
}

var killedStartup = singleFault("TestKilledStartup", fault{
	exit: 2, why: reason.SandboxFailed, words: "signal 9", step: "recover",
})

// killed drills a copy and sends a signal, in a step, to the process that who finds.
func killed(t *testing.T, rc *repoCopy, step string, who func(*repoCopy) int, k kill) {
	t.Helper()
	args := rc.drillArgs()
	if step == "verify" {
		checks(slow)(rc)
		args = rc.drillArgs("-checks", "{dir}/checks.yml")
	}
	f := rc.start("drill", nil, args...)
	f.Reach(step)
	if step == "verify" {
		eventually(t, "the slow check to begin", func() string { return absent(slowBackend(rc)) })
	}
	eventually(t, "a process to kill", func() string {
		id := who(rc)
		if id != 0 {
			require.NoError(t, syscall.Kill(id, k.signal))
		}
		return absent(id)
	})
	f.judge(k.fault)
}

// slowBackend is the process that the slow check is asked in, as the server knows it; 0 before it is.
func slowBackend(rc *repoCopy) int {
	sockets := regexp.MustCompile(`unix_socket_directories="?([^" ]+)`)
	for _, one := range processes(rc.dir) {
		if at := sockets.FindStringSubmatch(one); at != nil {
			const query = "SELECT pid FROM pg_stat_activity " +
				"WHERE state = 'active' AND query LIKE '%AS slow%' AND pid <> pg_backend_pid()"
			said, err := rc.owners("psql -XAt -h " + at[1] + " -U postgres -d postgres -c \"" + query + "\"").Output()
			if id, wrong := strconv.Atoi(strings.TrimSpace(string(said))); err == nil && wrong == nil {
				return id
			}
		}
	}
	return 0
}

// serverProcess finds the one of PostgreSQL's whose command line holds words, 0 when there is none.
func serverProcess(words string) func(*repoCopy) int {
	return func(rc *repoCopy) int {
		for _, one := range processes(rc.dir) {
			pid, command, _ := strings.Cut(one, " ")
			server := strings.Contains(command, "postgres") && !strings.Contains(command, "pg_ctl")
			if id, err := strconv.Atoi(pid); err == nil && server && strings.Contains(command, words) {
				return id
			}
		}
		return 0
	}
}

func absent(id int) string {
	if id == 0 {
		return "none yet"
	}
	return ""
}
