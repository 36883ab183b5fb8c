package prodtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
)

// ownOptions: options of pgbackrest.conf that the role has no variable for, and WAL that is pushed in the background.
func ownOptions(t *testing.T, p *production) {
	p.again(t, "-e", "pgbackrest_archive_async=true", "-e",
		`{"pgbackrest_options": {"global": {"buffer-size": "16MiB"}, "global:archive-push": {"process-max": 3}}}`)
	primary, standby := p.roles(t)
	for _, machine := range []string{primary, standby, p.drillHost} {
		assert.Contains(t, p.on(t, machine, "cat", "/etc/pgbackrest/pgbackrest.conf"), "\nbuffer-size=16MiB\n")
	}
	p.segments(t, primary, 3)
	p.on(t, primary, "test", "-d", "/var/spool/pgbackrest/archive/"+stanza)
	require.Equal(t, "success", p.byHand(t, primary, "pgbackrest-diff").Result)
	p.drills(t, "")
}

// fromStandby: the backup is read from the standby, which the primary reaches over SSH, as option backup-standby wants
// it; the drill restores it.
func fromStandby(t *testing.T, p *production) {
	const home = "/var/lib/postgresql/.ssh"
	var keys, known strings.Builder
	for _, node := range lab.DataNodes {
		p.on(t, node, "sh", "-euc", "install -d -o postgres -g postgres -m 0700 "+home+"; test -e "+home+
			"/id_ed25519 || runuser -u postgres -- ssh-keygen -q -t ed25519 -N '' -f "+home+"/id_ed25519")
		keys.WriteString(p.on(t, node, "cat", home+"/id_ed25519.pub") + "\n")
		known.WriteString(lab.Address(node) + " " + p.on(t, node, "cat", "/etc/ssh/ssh_host_ed25519_key.pub") + "\n")
	}
	for _, node := range lab.DataNodes {
		h := p.lab.Node(node)
		require.NoError(t, h.Put(t.Context(), home+"/authorized_keys", []byte(keys.String()), 0o600, "postgres"))
		require.NoError(t, h.Put(t.Context(), home+"/known_hosts", []byte(known.String()), 0o600, "postgres"))
	}
	other := fmt.Sprintf("{{ '%s' if inventory_hostname == '%s' else '%s' }}", lab.Address(lab.DataNodes[1]),
		lab.DataNodes[0], lab.Address(lab.DataNodes[0]))
	p.again(t, "-e", fmt.Sprintf(`{"pgbackrest_options": {"global": {"backup-standby": true}, "%s": {"pg2-host": "%s",
		"pg2-path": "%s", "pg2-socket-path": "/var/run/postgresql"}}}`, stanza, other, p.lab.FormationData()))
	primary, standby := p.roles(t)
	require.Equal(t, "success", p.byHand(t, primary, "pgbackrest-full").Result)
	assert.Contains(t, p.on(t, primary, "sh", "-c", "cat /var/log/pgbackrest/"+stanza+"-backup.log"),
		"replay on the standby reached")
	require.Equal(t, "exec-condition", p.byHand(t, standby, "pgbackrest-diff").Result)
	p.drills(t, "")
	require.Equal(t, "success", p.byHand(t, p.drillHost, "pgbackrest-check").Result)
	p.again(t) // as before
}

// plainReplication: the same nodes, as if nobody but PostgreSQL knew which of them is the primary.
func plainReplication(t *testing.T, p *production) {
	p.again(t, "-e", "pgbackrest_node_role=replication", "-e", "pgbackrest_pg_path="+p.lab.FormationData())
	primary, standby := p.roles(t)
	require.Equal(t, "success", p.byHand(t, primary, "pgbackrest-diff").Result)
	require.Equal(t, "exec-condition", p.byHand(t, standby, "pgbackrest-diff").Result)
	p.again(t)
}

// majorUpgrade: pg_upgrade makes a cluster with another system identifier of the primary's, and the formation is made
// of it again. Debian has one version of PostgreSQL here, and pg_upgrade takes the same one: for the repository that is
// an upgrade. Archiving fails until the stanza is told.
func majorUpgrade(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	labels := p.listed(t, primary)
	users := p.psqlIn(t, primary, "SELECT count(*) FROM users")
	p.typed(t, "postgres-major-upgrade.md", "OLD="+labels[len(labels)-1]+"\n", hands{
		"1": func() { p.upgrade(t, primary, standby) },
	})
	assert.Equal(t, users, p.psqlIn(t, primary, "SELECT count(*) FROM users"))
	for _, node := range lab.DataNodes {
		p.on(t, node, "systemctl", "is-active", "pgbackrest-full.timer", "pgbackrest-diff.timer")
	}
	p.drills(t, "")
}

// upgrade upgrades the primary's cluster and lets the formation begin with it.
func (p *production) upgrade(t *testing.T, primary, standby string) {
	t.Helper()
	const forget = "rm -rf /var/lib/postgresql/.config/pg_autoctl /var/lib/postgresql/.local/share/pg_autoctl " +
		"/run/pgautofailover/pg_autoctl; install -d -o postgres /run/pgautofailover /run/postgresql; "
	data, bin := p.lab.FormationData(), fmt.Sprintf("/usr/lib/postgresql/%d/bin", p.lab.Major)
	pg := "runuser -u postgres -- env HOME=/var/lib/postgresql XDG_RUNTIME_DIR=/run/pgautofailover "
	create := func(node string) string {
		return pg + "pg_autoctl create postgres --hostname " + lab.Address(node) + " --name " + node + " --dbname " +
			lab.Database + " --pg-hba-lan --monitor postgres://autoctl_node@" + lab.Address("monitor") +
			":5432/pg_auto_failover --pgdata " + data + " --pgport 5432 --auth trust --no-ssl --pgctl " + bin +
			"/pg_ctl; systemctl start pgautofailover.service"
	}
	for _, node := range []string{standby, primary} {
		p.shell(t, node, "systemctl stop 'pgbackrest-*.timer' pgautofailover.service; "+forget+
			"pkill -u postgres -x postgres || true")
	}
	monitor := fmt.Sprintf("/var/lib/postgresql/%d/monitor", p.lab.Major)
	for _, node := range lab.DataNodes {
		p.shell(t, "monitor", pg+"pg_autoctl drop node --force --name "+node+" --pgdata "+monitor)
	}
	p.shell(t, primary, fmt.Sprintf("cd /var/lib/postgresql; mv %[1]s %[1]s.before; "+
		"%[2]s%[3]s/initdb -D %[1]s -U postgres --auth=trust $(%[2]s%[3]s/pg_controldata %[1]s.before | "+
		"grep -q 'checksum version: *0' || echo --data-checksums) --no-sync; "+
		"%[2]s%[3]s/pg_upgrade -b %[3]s -B %[3]s -d %[1]s.before -D %[1]s --link; %[4]s",
		data, pg, bin, create(primary)))
	p.shell(t, standby, "rm -rf "+data+"; "+create(standby))
	require.NoError(t, p.lab.Stable(t.Context()))
	p.psql(t, primary, "SELECT pg_switch_wal()")
}
