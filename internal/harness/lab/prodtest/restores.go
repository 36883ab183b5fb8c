package prodtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/host"
)

// These chapters restore by veza-restore into a second directory of a data node, while production goes on. What they
// leave is removed: production's own data directory is for the disaster.

// elsewhere is that directory.
func (p *production) elsewhere() string {
	return path.Join(path.Dir(p.lab.FormationData()), "elsewhere")
}

// veza is the command line of a restore into it. No deeper checks: the drills of this story make them.
func (p *production) veza(options ...string) []string {
	return append([]string{
		"veza-restore", "-yes", "-stanza", stanza, "-to", p.elsewhere(), "-database", lab.Database, "-deep", "none",
		"-report", reportFile,
	}, options...)
}

// restore runs one; it must end with that status, and a report.
func (p *production) restore(t *testing.T, node string, status int, options ...string) drilltest.Outcome {
	t.Helper()
	p.on(t, node, "rm", "-f", reportFile)
	said, err := p.within(t.Context(), unitTime, node, p.veza(options...)...)
	t.Logf("%s: veza-restore %s:\n%s", node, strings.Join(options, " "), said)
	ended := 0
	if exit, failed := errors.AsType[*host.ExitError](err); failed {
		ended = exit.Code
	} else {
		require.NoError(t, err)
	}
	require.Equal(t, status, ended)
	return p.restoreReport(t, node)
}

func (p *production) restoreReport(t *testing.T, node string) (o drilltest.Outcome) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(p.on(t, node, "cat", reportFile)), &o.Report))
	return o
}

// restored starts what was restored, out of everybody's way and without archiving, asks its databases, and removes it.
func (p *production) restored(t *testing.T, node string, answers ...[3]string) {
	t.Helper()
	const port = "5999"
	pgctl := func(rest ...string) {
		argv := []string{
			"runuser", "-u", "postgres", "--", fmt.Sprintf("/usr/lib/postgresql/%d/bin/pg_ctl", p.lab.Major),
			"-s", "-w", "-D", p.elsewhere(),
		}
		p.on(t, node, append(argv, rest...)...)
	}
	pgctl("-l", "/var/log/pgbackrest/elsewhere.log", "-o", "-c archive_mode=off -c listen_addresses='' "+
		"-c synchronous_standby_names='' -c port="+port, "start")
	for _, a := range answers {
		database, query, answer := a[0], a[1], a[2]
		assert.Equal(t, answer, p.on(t, node, "runuser", "-u", "postgres", "--",
			"psql", "-p", port, "-XAtqd", database, "-c", query), query)
	}
	pgctl("-m", "fast", "stop")
	p.on(t, node, "rm", "-r", p.elsewhere())
}

// beforeMistake: somebody drops a table. It comes back as it was at a moment that was right, with what was written
// until then and nothing of what came later.
func beforeMistake(t *testing.T, p *production) {
	primary, _ := p.roles(t)
	p.psqlIn(t, primary, "CREATE TABLE ledger AS SELECT 'right' AS said")
	moment := p.psqlIn(t, primary,
		`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)
	p.psqlIn(t, primary, "UPDATE ledger SET said = 'wrong'")
	p.psqlIn(t, primary, "DROP TABLE ledger")
	p.segments(t, primary, 1)

	o := p.restore(t, primary, 0, "-target", "time:"+moment)
	assert.Equal(t, "none", string(o.Report.Reason))
	_, published := o.Value("rpo_seconds", "heartbeat")
	assert.False(t, published, "what comes after a target is not lost")
	p.restored(t, primary, p.users(t, primary), [3]string{lab.Database, "SELECT said FROM ledger", "right"}, [3]string{
		"postgres", fmt.Sprintf("SELECT max(beat_at) <= '%[1]s' AND max(beat_at) > '%[1]s'::timestamptz - "+
			"interval '1 min' FROM public.veza_heartbeat", moment), "t",
	})
	assert.Equal(t, "t", p.psqlIn(t, primary, "SELECT to_regclass('ledger') IS NULL"), "production went on")
}

// users is what a restored cluster must say of them.
func (p *production) users(t *testing.T, node string) [3]string {
	t.Helper()
	const query = "SELECT count(*) FROM users"
	return [3]string{lab.Database, query, p.psqlIn(t, node, query)}
}

// killedRestore: the restore is killed while pgBackRest puts the files there, taken up, killed while WAL is replayed,
// and taken up again. Nobody takes it up who has not said so.
func killedRestore(t *testing.T, p *production) {
	primary, _ := p.roles(t)
	p.segments(t, primary, 3)
	p.kill(t, primary, "restoring", "backup.manifest") // which pgBackRest writes before the first file, and needs
	o := p.restore(t, primary, 2)
	assert.Equal(t, "config_invalid", string(o.Report.Reason))
	assert.Contains(t, o.Report.Detail, "-resume")
	p.kill(t, primary, "recovering", "postmaster.pid", "-resume")
	o = p.restore(t, primary, 0, "-resume")
	assert.Equal(t, "none", string(o.Report.Reason))
	p.restored(t, primary, p.users(t, primary))
}

// kill begins a restore and kills it, and nothing else, as soon as it says that it has come to a step and a file is
// there.
func (p *production) kill(t *testing.T, node, step, file string, options ...string) {
	t.Helper()
	mark := p.elsewhere() + ".veza-restore.json"
	script := fmt.Sprintf(`"$@" >/dev/null 2>&1 </dev/null & pid=$!
until grep -q '"step": "%s"' %s 2>/dev/null && [ -e %s ]; do kill -0 $pid; sleep 0.02; done
kill -KILL $pid; wait $pid || true
grep -o '"step": "[a-z]*"' %s`, step, mark, p.elsewhere()+"/"+file, mark)
	said := p.on(t, node, append([]string{"bash", "-euc", script, "veza"}, p.veza(options...)...)...)
	require.Equal(t, `"step": "`+step+`"`, said, "it went on too fast")
}

// damagedArchive: a WAL segment in the object store is not what was written. The restore says so and leaves what came
// before it, whole and stopped, for whoever decides to use it. Who decides beforehand gets it checked, and the report
// names what was given up.
func damagedArchive(t *testing.T, p *production) {
	primary, _ := p.roles(t)
	p.segments(t, primary, 4)
	last := p.psql(t, primary, "SELECT last_archived_wal FROM pg_stat_archiver")
	directory := fmt.Sprintf("archive/%s/%d-1/%s", stanza, p.lab.Major, last[:16])
	listed := strings.Fields(p.pgbackrest(t, primary, "repo-ls", directory, "--sort=asc", "--filter='^[0-9A-F]{24}-'"))
	require.Greater(t, len(listed), 3)
	object := listed[len(listed)-3]
	undo, err := p.lab.ChangeObject(t.Context(), directory+"/"+object, func(content []byte) []byte {
		copy(content[200:], "VEZA")
		return content
	})
	if undo != nil {
		defer func() { assert.NoError(t, undo(context.WithoutCancel(t.Context()))) }()
	}
	require.NoError(t, err)

	o := p.restore(t, primary, 1)
	assert.Equal(t, "wal_corrupt", string(o.Report.Reason))
	assert.Contains(t, o.Report.Detail, object[:24])
	notes := strings.Join(o.Report.Notes, "\n")
	assert.Contains(t, notes, "use it only by decision")
	assert.Contains(t, notes, "next: to look at it beside the cluster of now") // which lives
	p.restored(t, primary, p.users(t, primary))

	o = p.restore(t, primary, 0, "-accept-loss")
	assert.Equal(t, "none", string(o.Report.Reason))
	assert.Regexp(t, `loss accepted \(-accept-loss\), wal_corrupt: .*`+object[:24], strings.Join(o.Report.Notes, "\n"))
	p.restored(t, primary, p.users(t, primary))
}

// pgbackrest runs it as postgres, with the words of a shell.
func (p *production) pgbackrest(t *testing.T, node string, words ...string) string {
	t.Helper()
	return p.on(t, node, "runuser", "-u", "postgres", "--", "sh", "-c",
		"pgbackrest --stanza="+stanza+" "+strings.Join(words, " "))
}
