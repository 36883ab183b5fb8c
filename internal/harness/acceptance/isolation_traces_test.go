package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// waitsForTheTest is a check that takes until the case has done its harm.
const waitsForTheTest = `- name: held
  min: 1
  query: |
    WITH RECURSIVE held AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM held
      WHERE n < 600 AND pg_sleep(0.05)::text = '' AND (pg_stat_file('DIR/out/done', true)).size IS NULL)
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
			busy <- struct{}{}
			defer func() { <-busy }()
			p := admit(t, l.seed)
			if c.inStore {
				p.moveToStore()
			}
			checks(strings.ReplaceAll(waitsForTheTest, "DIR", p.dir))(p)
			f := p.start("drill", nil, p.usual("-checks", "{dir}/checks.yml")...)
			f.Reach("verify")
			c.harm(p, p.sandbox())
			require.NoError(t, os.WriteFile(p.out("done"), nil, 0o644))
			f.judge(traceFaults[i])
		})
	}
}

// trace is one thing that comes into the archive while a drill runs.
type trace struct {
	inStore bool // the repository is in an object store of the case's own
	harm    func(*patient, sandboxed)
	want    fault
}

var traces = []trace{
	{false, pushOwn("00000002.history"), fault{name: "ItsHistory", exit: 1, why: reason.IsolationBreached, words: "00000002.history came into the archive | sandbox's own timeline 2, from timeline 1 at"}},
	{true, pushOwn("00000002.history"), fault{name: "ItsHistoryInAStore", exit: 1, why: reason.IsolationBreached, words: "00000002.history"}},
	{false, pushSegment, fault{name: "ASegmentAlone", exit: 1, why: reason.IsolationBreached, words: "0000000200000000"}},
	{false, promoted, fault{name: "ProductionWasPromoted", exit: 0, why: reason.None, words: "production began timeline 2 meanwhile, from timeline 1 at 0/"}},
	{false, later, fault{name: "ALaterTimeline", exit: 0, why: reason.None}},
	{false, garbled, fault{name: "AHistoryNobodyCanRead", exit: 1, why: reason.WALCorrupt, words: "00000002.history | cannot be told"}},
	{false, func(*patient, sandboxed) {}, fault{name: "NothingCame", exit: 0, why: reason.None}},
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
func (p *patient) writer() string { return p.file("etc/writer.conf") }

// moveToStore puts the repository into an object store that lets the drill only read.
func (p *patient) moveToStore() {
	store := p.toStore()
	p.upload(store)
	content, err := os.ReadFile(p.conf())
	require.NoError(p.t, err)
	content = []byte(strings.NewReplacer(store.ReadKey, store.Key, store.ReadSecret, store.Secret).Replace(string(content)))
	require.NoError(p.t, os.WriteFile(p.writer(), content, 0o644))
}

// sandboxed is the data directory of a drill's sandbox.
type sandboxed string

func (p *patient) sandbox() sandboxed {
	p.t.Helper()
	found, err := filepath.Glob(filepath.Join(p.tmp(), "veza-drill-demo-*", "data", "postmaster.pid"))
	require.NoError(p.t, err)
	require.Len(p.t, found, 1)
	return sandboxed(filepath.Dir(found[0]))
}

// push does what a careless archive_command of the sandbox would do.
func (s sandboxed) push(p *patient, file string) {
	p.t.Helper()
	conf := p.writer()
	if _, err := os.Stat(conf); err != nil {
		conf = p.conf()
	}
	argv := []string{
		"pgbackrest", "--config=" + conf, "--stanza=" + stanza, "--pg1-path=" + string(s), "--lock-path=" + p.out("lock"),
		"--log-level-file=off", "archive-push", file,
	}
	if os.Geteuid() == 0 {
		argv = append([]string{"runuser", "-u", "postgres", "--"}, argv...)
	}
	cmd := exec.CommandContext(p.t.Context(), argv[0], argv[1:]...)
	cmd.Dir = string(s)
	said, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "%s", said)
}

// pushOwn archives a file of the sandbox's own pg_wal.
func pushOwn(name string) func(*patient, sandboxed) {
	return func(p *patient, s sandboxed) { s.push(p, filepath.Join(string(s), "pg_wal", name)) }
}

// pushSegment archives the segment the sandbox is writing.
func pushSegment(p *patient, s sandboxed) {
	segments, err := filepath.Glob(filepath.Join(string(s), "pg_wal", "00000002????????????????"))
	require.NoError(p.t, err)
	require.NotEmpty(p.t, segments)
	s.push(p, segments[0])
}

// promoted archives the history of a production that went over to the same timeline a
// little later.
func promoted(p *patient, s sandboxed) {
	content, err := os.ReadFile(filepath.Join(string(s), "pg_wal", "00000002.history"))
	require.NoError(p.t, err)
	elsewhere := regexp.MustCompile(`0/[0-9A-F]+`).ReplaceAllString(string(content), "0/7F000060")
	s.write(p, "00000002.history", elsewhere)
}

// later archives a history of a timeline the sandbox has nothing to do with.
func later(p *patient, s sandboxed) {
	s.write(p, "00000003.history", "1\t0/7F000060\tno recovery target specified\n\n2\t0/7F0000A0\tno recovery target specified\n")
}

// garbled puts a history into the repository that no key opens.
func garbled(p *patient, _ sandboxed) {
	require.NoError(p.t, os.WriteFile(filepath.Join(p.repo(), history), []byte("what is this"), 0o644))
}

// write archives a file that is not the sandbox's.
func (s sandboxed) write(p *patient, name, content string) {
	file := p.out(name)
	require.NoError(p.t, os.WriteFile(file, []byte(content), 0o644))
	s.push(p, file)
	assert.NoError(p.t, os.Remove(file))
}
