package prodtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
)

// next: what the roles claim of the next Debian and its PostgreSQL holds on a bare machine of
// it, which is data node and drill host at once. They are applied, and applied again without
// a change; their units archive, back up, check and drill by their timers.
func next(t *testing.T, p *production) {
	n := operator(t, &production{lab: p.lab, drillHost: lab.Next, write: p.lab.NextInventory})
	result := n.play(t, "-e", "pgbackrest_restart_postgres=true")
	require.True(t, result.ok, result.said)
	result = n.play(t)
	require.True(t, result.ok, result.said)
	assert.Equal(t, map[string]int{lab.Next: 0, "localhost": 0}, result.changed, result.said)
	assert.Equal(t, "t", n.psql(t, lab.Next, loginMade))
	n.soundOn(t, lab.Next, exposure[lab.DrillHost])

	n.segments(t, lab.Next, 1)
	n.after(t, lab.Next, "pgbackrest-full", func() {
		assert.Equal(t, "success", n.byTimer(t, lab.Next, "pgbackrest-catchup").Result)
	})
	assert.Equal(t, "success", n.byTimer(t, lab.Next, "pgbackrest-diff").Result)
	assert.Equal(t, []string{"F", "D"}, kinds(n.listed(t, lab.Next)))
	drilltest.Eventually(t, "a heartbeat row", func() string {
		if rows := n.psql(t, lab.Next, "SELECT count(*) FROM public.veza_heartbeat"); rows == "0" {
			return "there is none"
		}
		return ""
	})
	for unit, suite := range map[string]string{"pgbackrest-check": "backup", "pgbackrest-drill": "drill"} {
		ended := n.byTimer(t, lab.Next, unit)
		o := n.report(t, suite)
		assert.Equal(t, "0", ended.Status, o.Report.Detail)
		assert.Equal(t, "none", string(o.Report.Reason), o.Report.Detail)
		assert.Contains(t, n.on(t, lab.Next, "cat", textfiles+"/veza_backup_"+suiteFile[suite]),
			fmt.Sprintf(`{reason="none",stanza="%s"} 1`, stanza))
	}
	users, _ := n.report(t, "drill").Value("rows", "users")
	assert.Equal(t, n.psqlIn(t, lab.Next, "SELECT count(*) FROM users"), fmt.Sprint(users))
	n.on(t, lab.Next, "veza-restore", "-plan", "-stanza", stanza, "-database", lab.Database,
		"-to", fmt.Sprintf("/var/lib/postgresql/%d/elsewhere", lab.NextMajor))
	assert.Empty(t, n.on(t, lab.Next, "systemctl", "--failed", "--plain", "--no-legend", "list-units", "pgbackrest-*"))
	n.secretsOn(t, lab.Next)
}

// suiteFile are the ends of the names of the metrics' files.
var suiteFile = map[string]string{"drill": "drill.prom", "backup": "check.prom"}
