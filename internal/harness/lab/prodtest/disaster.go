package prodtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/harness/runbook"
)

// disaster: both data nodes lose their data, pgBackRest's conf and all that pg_auto_failover
// knew. An operator follows the page "Restore for real", command by command, and production is
// back: the same rows, a pair that is stable, a full backup, and a drill that passes.
func disaster(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	p.segments(t, primary, 1)
	users := p.psqlIn(t, primary, "SELECT count(*) FROM users")
	for _, node := range lab.DataNodes {
		p.on(t, node, "systemctl", "kill", "--signal=KILL", "pgautofailover.service")
		p.on(t, node, "sh", "-c",
			"systemctl stop pgautofailover.service; pkill -9 -u postgres postgres; rm -rf /etc/pgbackrest "+
				p.lab.FormationData())
	}
	defer took(t, "the procedure for a real disaster")()
	page := procedure(t)
	for _, step := range page.Blocks() {
		switch step.Where {
		case "node":
			p.shell(t, primary, page.Preamble+step.Script)
			p.shell(t, standby, page.Preamble+step.Script)
		case "controller":
			p.controller(t, step.Script)
		case "primary":
			p.shell(t, primary, page.Preamble+p.printed(t, primary, step.Script))
		default:
			machine := map[string]string{"standby": standby, "monitor": "monitor", "drill": lab.DrillHost}[step.Where]
			require.NotEmpty(t, machine, "the page runs something on %q", step.Where)
			p.shell(t, machine, page.Preamble+step.Script)
		}
		if step.Where == "standby" {
			require.NoError(t, p.lab.Stable(t.Context()))
		}
	}
	now, _ := p.roles(t)
	assert.Equal(t, primary, now)
	assert.Equal(t, users, p.psqlIn(t, primary, "SELECT count(*) FROM users"))
	assert.Equal(t, "none", string(p.report(t, "drill").Report.Reason))
}

// reportFile is the one that the page has veza-restore write.
const reportFile = "/var/log/pgbackrest/restore.json"

// printed is what an operator types where the page says that veza-restore has printed it: a block that adopts a
// restored cluster begins with the printed command, which must say no more and no less than the page does.
func (p *production) printed(t *testing.T, node, script string) string {
	t.Helper()
	const adopt = "pg pg_autoctl create postgres"
	if !strings.HasPrefix(script, adopt) {
		return script
	}
	var next string
	for _, note := range p.restoreReport(t, node).Report.Notes {
		if _, command, found := strings.Cut(note, "next: "); found {
			next = command
		}
	}
	require.NotEmpty(t, next, "veza-restore printed what to type")
	for _, option := range []string{
		"--pgdata " + p.lab.FormationData() + " ", "--name " + node + " ", "--hostname " + lab.Address(node) + " ",
		"--dbname " + lab.Database + " ", "--auth trust", "--no-ssl",
		`--monitor "postgres://autoctl_node@` + lab.Address("monitor") + ":",
	} {
		assert.Contains(t, next, option)
	}
	_, rest, found := strings.Cut(script, "\nsystemctl ")
	require.True(t, found, script)
	return "pg " + next + "\nsystemctl " + rest
}

// runbooks is where the pages are.
const runbooks = root + "/fixtures/runbooks/"

// procedure reads the page that an operator follows in a real disaster.
func procedure(t *testing.T) runbook.Page {
	t.Helper()
	page, err := runbook.Read(runbooks + "restore-for-real.md")
	require.NoError(t, err)
	require.Contains(t, page.Preamble, "MONITOR=10.0.0.20")
	page.Preamble = strings.Replace(page.Preamble, "MONITOR=10.0.0.20", "MONITOR="+lab.Address("monitor"), 1)
	return page
}

// shell types commands on a machine, as root; the first that fails ends it.
func (p *production) shell(t *testing.T, machine, script string) {
	t.Helper()
	said, err := p.within(t.Context(), unitTime, machine, "bash", "-c", "set -eu; exec 2>&1; cd; "+script)
	t.Logf("%s:\n%s", machine, said)
	require.NoError(t, err)
}

// controller types the playbook's command: the inventory is the lab's, and nobody is asked
// for the vault's password.
func (p *production) controller(t *testing.T, script string) {
	t.Helper()
	arguments, found := runbook.Play(script)
	require.True(t, found, script)
	result := p.play(t, strings.Fields(arguments)...)
	require.True(t, result.ok, result.said)
}

// psqlIn asks the formation's own database.
func (p *production) psqlIn(t *testing.T, node, query string) string {
	t.Helper()
	return p.on(t, node, "runuser", "-u", "postgres", "--", "psql", "-XAtqd", lab.Database, "-c", query)
}
