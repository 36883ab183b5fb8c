package acceptance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// waitsForTheTest is a check that takes until the case has injected its fault, and holds the lock.
const waitsForTheTest = `- name: held
  min: 1
  query: |
    WITH RECURSIVE held AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM held
      WHERE n < 600 AND pg_sleep(0.05)::text = '' AND pg_try_advisory_lock(4711) AND pg_advisory_unlock(4711))
    SELECT count(*) FROM users WHERE (SELECT max(n) FROM held) < 600
`

// The archive is listed before and after: what the sandbox itself put into it is found, and
// what production did meanwhile is no finding, be it a timeline of the same number.
func TestTraces(t *testing.T) {
	long(t)
	for i, c := range traces {
		t.Run(c.want.name, func(t *testing.T) {
			t.Parallel()
			l, err := plain()
			require.NoError(t, err)
			cores <- struct{}{}
			defer func() { <-cores }()
			rc := newCopy(t, l.seed)
			if c.inStore {
				rc.moveToStore()
			}
			checks(waitsForTheTest)(rc)
			f := rc.start("drill", nil, rc.drillArgs("-checks", "{dir}/checks.yml")...)
			f.Reach("verify")
			box := rc.sandbox()
			c.inject(rc, box)
			letGo(t, box)
			f.judge(traceFaults[i])
		})
	}
}

// letGo ends the waiting of waitsForTheTest.
func letGo(t *testing.T, box sandboxed) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(string(box), "postmaster.pid"))
	require.NoError(t, err)
	const socketLine = 4 // LOCK_FILE_LINE_SOCKET_DIR, counted from 0
	socket := strings.Split(string(content), "\n")[socketLine]
	conn, err := pgx.Connect(t.Context(), "host="+socket+" port=5432 user=postgres dbname=postgres")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server has gone with the sandbox
	_, err = conn.Exec(t.Context(), "SELECT pg_advisory_lock(4711)")
	require.NoError(t, err)
}

// trace is one thing that comes into the archive while a drill runs.
type trace struct {
	inStore bool // the repository is in an object store of the case's own
	inject  func(*repoCopy, sandboxed)
	want    fault
}

var traces = []trace{
	{inject: pushOwn("00000002.history"), want: fault{
		name: "ItsHistory", exit: 1, why: reason.IsolationBreached,
		words: "00000002.history came into the archive | sandbox's own timeline 2, from timeline 1 at",
	}},
	{inStore: true, inject: pushOwn("00000002.history"), want: fault{
		name: "ItsHistoryInAStore", exit: 1, why: reason.IsolationBreached, words: "00000002.history",
	}},
	{inject: pushSegment, want: fault{
		name: "ASegmentAlone", exit: 1, why: reason.IsolationBreached, words: "0000000200000000",
	}},
	{inject: promoted, want: fault{
		name: "ProductionWasPromoted", exit: 0, why: reason.None,
		words: "production began timeline 2 meanwhile, from timeline 1 at 0/",
	}},
	{inject: later, want: fault{name: "ALaterTimeline", exit: 0, why: reason.None}},
	{inject: garbled, want: fault{
		name: "AHistoryNobodyCanRead", exit: 1, why: reason.WALCorrupt, words: "00000002.history | cannot be told",
	}},
	{inject: func(*repoCopy, sandboxed) {}, want: fault{name: "NothingCame", exit: 0, why: reason.None}},
}

var traceFaults = func() (list []fault) {
	for _, c := range traces {
		f := c.want
		f.test, f.args = "TestTraces", "-checks"
		if f.exit != 0 {
			f.step = "verify"
		}
		list = append(list, f)
	}
	faults("TestTraces", nil, list)
	return list
}()

// writer is the conf of whoever may write.
func (rc *repoCopy) writer() string { return rc.file("etc/writer.conf") }

// moveToStore puts the repository into an object store that lets the drill only read.
func (rc *repoCopy) moveToStore() {
	store := rc.toStore()
	rc.upload(store)
	content, err := os.ReadFile(rc.conf())
	require.NoError(rc.t, err)
	keys := strings.NewReplacer(store.ReadKey, store.Key, store.ReadSecret, store.Secret)
	content = []byte(keys.Replace(string(content)))
	require.NoError(rc.t, os.WriteFile(rc.writer(), content, 0o644))
}

// sandboxed is the data directory of a drill's sandbox.
type sandboxed string

func (rc *repoCopy) sandbox() sandboxed {
	rc.t.Helper()
	found, err := filepath.Glob(filepath.Join(rc.tmp(), "veza-drill-demo-*", "data", "postmaster.pid"))
	require.NoError(rc.t, err)
	require.Len(rc.t, found, 1)
	return sandboxed(filepath.Dir(found[0]))
}

// push does what a careless archive_command of the sandbox would do.
func (s sandboxed) push(rc *repoCopy, file string) {
	rc.t.Helper()
	conf := rc.writer()
	if _, err := os.Stat(conf); err != nil {
		conf = rc.conf()
	}
	argv := []string{
		"pgbackrest", "--config=" + conf, "--stanza=" + stanza, "--pg1-path=" + string(s),
		"--lock-path=" + rc.out("lock"), "--log-level-file=off", "archive-push", file,
	}
	if os.Geteuid() == 0 {
		argv = append([]string{"runuser", "-u", "postgres", "--"}, argv...)
	}
	cmd := exec.CommandContext(rc.t.Context(), argv[0], argv[1:]...)
	cmd.Dir = string(s)
	said, err := cmd.CombinedOutput()
	require.NoError(rc.t, err, "%s", said)
}

// pushOwn archives a file of the sandbox's own pg_wal.
func pushOwn(name string) func(*repoCopy, sandboxed) {
	return func(rc *repoCopy, s sandboxed) { s.push(rc, filepath.Join(string(s), "pg_wal", name)) }
}

// pushSegment archives the segment the sandbox is writing.
func pushSegment(rc *repoCopy, s sandboxed) {
	segments, err := filepath.Glob(filepath.Join(string(s), "pg_wal", "00000002????????????????"))
	require.NoError(rc.t, err)
	require.NotEmpty(rc.t, segments)
	s.push(rc, segments[0])
}

// promoted archives the history of a production that went over to the same timeline a
// little later.
func promoted(rc *repoCopy, s sandboxed) {
	content, err := os.ReadFile(filepath.Join(string(s), "pg_wal", "00000002.history"))
	require.NoError(rc.t, err)
	elsewhere := regexp.MustCompile(`0/[0-9A-F]+`).ReplaceAllString(string(content), "0/7F000060")
	s.write(rc, "00000002.history", elsewhere)
}

// later archives a history of a timeline the sandbox has nothing to do with.
func later(rc *repoCopy, s sandboxed) {
	s.write(rc, "00000003.history", "1\t0/7F000060\tno recovery target specified\n\n"+
		"2\t0/7F0000A0\tno recovery target specified\n")
}

// garbled puts a history into the repository that no key opens.
func garbled(rc *repoCopy, _ sandboxed) {
	require.NoError(rc.t, os.WriteFile(filepath.Join(rc.repo(), rc.fill(history)), []byte("what is this"), 0o644))
}

// write archives a file that is not the sandbox's.
func (s sandboxed) write(rc *repoCopy, name, content string) {
	file := rc.out(name)
	require.NoError(rc.t, os.WriteFile(file, []byte(content), 0o644))
	s.push(rc, file)
	assert.NoError(rc.t, os.Remove(file))
}
