package prodtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wait"
)

// These chapters compare what is restored with the formation's secondary, whichever node that is, as an operator sets
// it up: two variables for the login, two for the drill.

// login is the one that role pgbackrest makes.
const login = "veza_compare"

// loginMade asks whether it is there, and what it is.
const loginMade = "SELECT rolcanlogin AND rolbypassrls AND NOT rolsuper FROM pg_roles WHERE rolname = '" + login + "'"

// comparing is what the operator adds to the inventory; from then on every drill of the story compares.
func comparing() map[string]any {
	var nodes []string
	for _, node := range lab.DataNodes {
		nodes = append(nodes, lab.Address(node))
	}
	from := "host all " + login + " " + lab.Address(lab.DrillHost) + "/32 scram-sha-256"
	return map[string]any{
		"pgbackrest_compare": true, "pgbackrest_compare_hba": []string{from},
		"dr_drill_compare": "standby",
		"dr_drill_standby": "host=" + strings.Join(nodes, ",") + " user=" + login +
			" dbname=postgres target_session_attrs=standby connect_timeout=5",
	}
}

// noPassword: the roles make the login on the primary and let it in on every node; that a second run
// changes nothing is a chapter of its own.
// Without its password the backups are as good as before, and nobody is told that they were compared.
func noPassword(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	assert.Empty(t, p.psql(t, primary, loginMade), "off by default")
	text, err := yaml.Marshal(comparing())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(p.inventory, "group_vars", "all", "compare.yml"), text, 0o600))
	result := p.play(t)
	require.True(t, result.ok, result.said)
	assert.Greater(t, result.changed[primary], result.changed[standby], "the login is made on the primary")
	assert.Equal(t, "t", p.psql(t, standby, loginMade), "the standby has it from the primary")

	p.on(t, lab.DrillHost, "systemctl", "reset-failed")
	ended := p.byHand(t, lab.DrillHost, "pgbackrest-drill")
	o := p.report(t, "drill")
	assert.Equal(t, "2", ended.Status, o.Report.Detail)
	assert.Equal(t, "standby_unusable", string(o.Report.Reason), o.Report.Detail)
	assert.Contains(t, o.Report.Detail, login)
	p.prometheus(t, fmt.Sprintf(`veza_backup_drill_last_success{stanza="%s",reason="none"}`, stanza), 1)
	p.alert(t, "BackupRestoreDrillEnvironmentError", "pending", time.Minute)
}

// compares: with the password every row is compared with the secondary.
func compares(t *testing.T, p *production) {
	primary, standby := p.roles(t)
	password := rand.Text()
	p.secrets = append(p.secrets, password)
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	_, err := p.lab.Node(primary).Run(ctx, host.Command{
		Argv: []string{"psql", "-XAtq", "-v", "ON_ERROR_STOP=1"}, User: "postgres", Dir: "/",
		Stdin: strings.NewReader("ALTER ROLE " + login + " PASSWORD '" + password + "'"),
	})
	require.NoError(t, err)
	require.NoError(t, p.lab.Node(lab.DrillHost).Put(ctx, "/root/.pgpass",
		[]byte("*:*:*:"+login+":"+password+"\n"), 0o600, "root"))
	p.sameAs(t, p.fly(t, 0, "none"), standby)
	p.quiet(t)
}

// sameAs: a drill compared all of it with a node, and found it the same.
func (p *production) sameAs(t *testing.T, o drilltest.Outcome, node string) {
	t.Helper()
	notes := strings.Join(o.Report.Notes, "\n")
	assert.Contains(t, notes, "comparing with the standby at "+lab.Address(node)+":")
	assert.Contains(t, notes, "the same as the standby at ")
	assert.NotContains(t, notes, "which timeline it follows", "the login sees that")
	p.prometheus(t, fmt.Sprintf(`veza_backup_drill_compare_coverage_ratio{stanza="%s"}`, stanza), 1)
	p.prometheus(t, fmt.Sprintf(`veza_backup_drill_different_relations{stanza="%s"}`, stanza), 0)
	p.prometheus(t, fmt.Sprintf(`veza_backup_drill_compare_pause_seconds{stanza="%s"} < bool 10`, stanza), 1)
	assert.Equal(t, "not paused", p.psql(t, node, "SELECT pg_get_wal_replay_pause_state()"))
}

// locked is how many tables the standby cannot be asked for: it waits for each, so that asking takes longer than a
// promotion.
const locked = 80

// promoted: the primary's power is cut while the standby is asked, and the standby is promoted. That is no difference.
// The next drill asks the other node, by the same settings.
func promoted(t *testing.T, p *production) {
	old, next := p.roles(t)
	p.psqlIn(t, old, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP EXECUTE 'CREATE TABLE locked_' || i || ' (n int)';
		END LOOP; END $$`, locked))
	p.segments(t, old, 1)
	ctx, release := context.WithCancel(t.Context())
	defer release()
	go func() { // it ends with the power
		_, _ = p.within(ctx, unitTime, old, "runuser", "-u", "postgres", "--", "psql", "-XAtqd", lab.Database, "-c",
			fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP EXECUTE 'LOCK TABLE locked_' || i; END LOOP;
				PERFORM pg_sleep(600); END $$`, locked))
	}()
	drilltest.Eventually(t, "the locks to come to the standby", func() string {
		n := p.psql(t, next, "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")
		if n != fmt.Sprint(locked) {
			return n + " are there"
		}
		return ""
	})

	p.moreOf(t, "DRILL_RPO=1h") // nothing is archived for as long as the failover takes
	ended := p.after(t, lab.DrillHost, "pgbackrest-drill", func() {
		since := p.on(t, lab.DrillHost, "date", "+@%s")
		p.on(t, lab.DrillHost, "systemctl", "start", "--no-block", "pgbackrest-drill.service")
		require.NoError(t, p.says(t.Context(), since, "comparing with the standby at "+lab.Address(next)))
		require.NoError(t, p.lab.Stop(t.Context(), old))
	})
	p.moreOf(t, "")
	o := p.report(t, "drill")
	assert.Equal(t, "2", ended.Status, o.Report.Detail)
	assert.Equal(t, "standby_unusable", string(o.Report.Reason), o.Report.Detail)
	assert.Contains(t, o.Report.Detail, "promoted")
	p.prometheus(t, fmt.Sprintf(`veza_backup_drill_last_success{stanza="%s",reason="none"}`, stanza), 1)
	p.prometheus(t, fmt.Sprintf(`absent(veza_backup_drill_different_relations{stanza="%s"})`, stanza), 1)

	require.NoError(t, p.lab.Start(t.Context(), old))
	require.NoError(t, p.lab.Stable(t.Context()))
	primary, standby := p.roles(t)
	require.Equal(t, []string{next, old}, []string{primary, standby})
	p.psqlIn(t, next, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP EXECUTE 'DROP TABLE locked_' || i; END LOOP;
		END $$`, locked))
	p.segments(t, next, 1)
	p.sameAs(t, p.fly(t, 0, "none"), old)
}

// moreOf gives the drill's unit one more variable, or takes it away.
func (p *production) moreOf(t *testing.T, variable string) {
	t.Helper()
	const dir = "/run/systemd/system/pgbackrest-drill.service.d"
	if p.on(t, lab.DrillHost, "rm", "-rf", dir); variable != "" {
		p.on(t, lab.DrillHost, "mkdir", "-p", dir)
		for file, content := range map[string]string{
			"/more.env": variable + "\n", "/more.conf": "[Service]\nEnvironmentFile=" + dir + "/more.env\n",
		} {
			require.NoError(t,
				p.lab.Node(lab.DrillHost).Put(t.Context(), dir+file, []byte(content), 0o644, "root"))
		}
	}
	p.on(t, lab.DrillHost, "systemctl", "daemon-reload")
}

// says waits until the drill has said something.
func (p *production) says(ctx context.Context, since, words string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	return wait.For(ctx, "the drill to say "+words, 100*time.Millisecond, func(ctx context.Context) error {
		said, err := p.try(ctx, lab.DrillHost,
			"journalctl", "--no-pager", "-o", "cat", "-u", "pgbackrest-drill.service", "--since", since)
		if err == nil && !strings.Contains(said, words) {
			err = errors.New("not yet")
		}
		return err
	})
}
