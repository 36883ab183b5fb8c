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
	for _, c := range []struct {
		name string
		from func() (life, error)
		harm func(*patient, sandboxed)
		want fault
	}{
		{"ItsHistory", plain, pushOwn("00000002.history"), fault{exit: 1, why: reason.IsolationBreached, words: "00000002.history came into the archive | sandbox's own timeline 2, from timeline 1 at"}},
		{"ItsHistoryInAStore", remote, pushOwn("00000002.history"), fault{exit: 1, why: reason.IsolationBreached, words: "00000002.history"}},
		{"ASegmentAlone", plain, pushSegment, fault{exit: 1, why: reason.IsolationBreached, words: "0000000200000000"}},
		{"ProductionWasPromoted", plain, promoted, fault{exit: 0, why: reason.None, words: "production began timeline 2 meanwhile, from timeline 1 at 0/"}},
		{"ProductionWasPromotedTwice", plain, later, fault{exit: 0, why: reason.None}},
		{"AHistoryNobodyCanRead", plain, garbled, fault{exit: 1, why: reason.WALCorrupt, words: "00000002.history | cannot be told"}},
		{"NothingCame", plain, func(*patient, sandboxed) {}, fault{exit: 0, why: reason.None}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := c.from()
			require.NoError(t, err)
			busy <- struct{}{}
			defer func() { <-busy }()
			p := admit(t, l.seed)
			checks(strings.ReplaceAll(waitsForTheTest, "DIR", p.dir))(p)
			c.want.args = "-checks"
			f := p.start("drill", nil, p.usual("-checks", "{dir}/checks.yml")...)
			f.Reach("verify")
			c.harm(p, p.sandbox())
			require.NoError(t, os.WriteFile(p.out("done"), nil, 0o644))
			f.judge(c.want)
		})
	}
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
	argv := []string{
		"pgbackrest", "--config=" + p.conf(), "--stanza=" + stanza, "--pg1-path=" + string(s), "--lock-path=" + p.out("lock"),
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
