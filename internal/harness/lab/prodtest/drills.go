package prodtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
)

// report is the last line of the drill host's history of a suite.
func (p *production) report(t *testing.T, suite string) (o drilltest.Outcome) {
	t.Helper()
	line := p.on(t, p.drillHost, "tail", "-n", "1", "/var/lib/veza-drill/"+suite+"-history.jsonl")
	require.NoError(t, json.Unmarshal([]byte(line), &o.Report), line)
	return o
}

// prometheus waits until the lab's Prometheus gives an expression a value.
func (p *production) prometheus(t *testing.T, expression string, value float64) {
	t.Helper()
	drilltest.Eventually(t, expression, func() string {
		got, err := p.lab.Query(t.Context(), expression)
		if err != nil {
			return err.Error()
		}
		if got != value {
			return fmt.Sprint(got)
		}
		return ""
	})
}

// fly starts the drill by its timer and holds everything that is said of it to an outcome:
// unit, report, textfile, Prometheus.
func (p *production) fly(t *testing.T, status int, reason string) drilltest.Outcome {
	t.Helper()
	begun := time.Now()
	ended := p.byTimer(t, lab.DrillHost, "pgbackrest-drill")
	o := p.report(t, "drill")
	assert.Equal(t, fmt.Sprint(status), ended.Status, o.Report.Detail)
	assert.Equal(t, reason, string(o.Report.Reason), o.Report.Detail)
	assert.Equal(t, "644", p.on(t, lab.DrillHost, "stat", "-c", "%a", textfiles+"/veza_backup_drill.prom"))
	success := 0.0
	if status == 0 {
		success = 1
	}
	p.prometheus(t,
		fmt.Sprintf(`veza_backup_drill_last_run_timestamp_seconds{stanza="%s"} > bool %d`, stanza, begun.Unix()), 1)
	p.prometheus(t, fmt.Sprintf(`veza_backup_drill_last_success{stanza="%s",reason="%s"}`, stanza, reason), success)
	p.prometheus(t, `max(node_textfile_scrape_error)`, 0)
	assert.Empty(t, run(t, "incus", "list", "--project", lab.SandboxProject, "--format=csv"),
		"sandboxes that were left")
	return o
}

// checks: the daily check of the backups starts by its timer and finds nothing wrong.
func checks(t *testing.T, p *production) {
	ended := p.byTimer(t, lab.DrillHost, "pgbackrest-check")
	o := p.report(t, "backup")
	assert.Equal(t, "0", ended.Status, o.Report.Detail)
	assert.Equal(t, "none", string(o.Report.Reason), o.Report.Detail)
	p.prometheus(t, fmt.Sprintf(`veza_backup_check_last_success{stanza="%s",reason="none"}`, stanza), 1)
}

// drill: the weekly timer starts the compiled drill; what it measured is in Prometheus.
func drill(t *testing.T, p *production) {
	o := p.fly(t, 0, "none")
	rows, _ := o.Value("rows", "users")
	assert.Positive(t, rows)
	p.prometheus(t, `count(veza_backup_drill_rto_seconds < 1800)`, 1)
	p.prometheus(t, `count(veza_backup_drill_rpo_seconds{basis="heartbeat"} < 120)`, 1)
	p.prometheus(t, `count(veza_backup_drill_info{backup_type="diff",environment="incus"})`, 1)
	p.quiet(t)
}

// sabotage: a WAL segment that the newest backup needs is gone from the object store. What
// a listing of backups says is unchanged; the drill names the segment.
func sabotage(t *testing.T, p *production) {
	primary, _ := p.roles(t)
	p.segments(t, primary, 3) // one at the very end would not be missed
	archive := lab.RepositoryDirectory + "/archive/" + stanza
	objects := strings.Fields(p.on(t, "s3", "find", archive, "-maxdepth", "3", "-mindepth", "3", "-name", "0000*.zst"))
	require.Greater(t, len(objects), 3)
	p.moved = sorted(objects)[len(objects)-3]
	p.on(t, "s3", "mv", p.moved, "/srv/taken")
	o := p.fly(t, 1, "wal_missing")
	p.failing = time.Now()
	segment := p.moved[strings.LastIndex(p.moved, "/")+1:][:24]
	assert.Contains(t, o.Report.Detail, segment)
	p.alert(t, "BackupRestoreDrillFailed", "pending", time.Minute)
	p.alert(t, "BackupUnitFailed", "pending", time.Minute)
}

// crosses: the segment is back, the backup is one of before the failover: the drill follows
// the archive over the switch, compares with the node that is the secondary now, and the alert ends.
func crosses(t *testing.T, p *production) {
	p.on(t, "s3", "mv", "/srv/taken", p.moved)
	o := p.fly(t, 0, "none")
	assert.Contains(t, strings.Join(o.Report.Notes, "\n"), p.switched)
	_, standby := p.roles(t)
	p.sameAs(t, o, standby)
	p.alert(t, "BackupRestoreDrillFailed", "", time.Minute)
	p.quiet(t)
	p.over(t)
}

// latestDiff: the operator asks for the newest differential backup instead of the newest one.
func latestDiff(t *testing.T, p *production) {
	primary, _ := p.roles(t)
	require.Equal(t, "success", p.byHand(t, primary, "pgbackrest-full").Result)
	labels := p.listed(t, primary)
	result := p.play(t, "-e", "dr_drill_install=source", "-e", "dr_drill_set=latest-diff", "--limit", "incus_hosts")
	require.True(t, result.ok, result.said)
	p.fly(t, 0, "none")
	p.prometheus(t, fmt.Sprintf(`count(veza_backup_drill_info{backup_label="%s"})`, labels[len(labels)-2]), 1)
}

// segments lets a node archive a number of segments, with something in each.
func (p *production) segments(t *testing.T, node string, n int) {
	t.Helper()
	for range n {
		p.psql(t, node, "SELECT pg_logical_emit_message(false, 'veza', 'x')")
		segment := p.psql(t, node, "SELECT pg_walfile_name(pg_switch_wal() - 1)")
		drilltest.Eventually(t, segment+" to be archived", func() string {
			last := p.psql(t, node, "SELECT last_archived_wal FROM pg_stat_archiver")
			if last < segment {
				return "the last one is " + last
			}
			return ""
		})
	}
}
