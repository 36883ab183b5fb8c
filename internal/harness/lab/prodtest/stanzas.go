package prodtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
)

// other is a second stanza, with a dash in its name, which systemd escapes in that of a unit.
const (
	other     = "shop-eu"
	otherUnit = `@shop\x2deu`
	ownUnit   = "@" + stanza
)

// ownProject is a project that the role makes, and what it makes on the drill host for it.
const (
	ownProject = "veza-lab-role"
	ownConf    = "/etc/veza-drill/incus"
)

// list is dr_drill_stanzas: one whose conf the role has, and one of which it makes a conf.
const list = `{"dr_drill_stanzas": [{"stanza": "` + stanza + `"}, {"stanza": "` + other + `",
	"settings": {"DRILL_RPO": "24h"}, "repository": {"cipher_pass": "{{ vault_pgbackrest_cipher_pass }}"}}]}`

// RunStanzas tells of a drill host with one stanza, then several, then a second host, and one again; the role makes the
// project of its sandboxes on this machine's daemon.
func RunStanzas(t *testing.T) {
	t.Helper()
	l, err := lab.Open(t.Context())
	require.NoError(t, err)
	p := operator(t, &production{lab: l, drillHost: lab.DrillHost, write: l.Inventory})
	p.removeOwnProject()
	t.Cleanup(p.removeOwnProject)
	p.variables = []string{
		"-e", "dr_drill_incus_server=localhost", "-e", "dr_drill_incus_project=" + ownProject,
		"-e", "dr_drill_incus_conf=" + ownConf, "-e", "dr_drill_incus_address=https://" + p.httpsAddress(t),
		"-e", `{"dr_drill_incus_limits": {"instances": 1, "memory": "6GiB", "disk": "30GiB"}}`,
	}
	for _, chapter := range []struct {
		name string
		test func(*testing.T, *production)
	}{
		{"BareMachines", bare},
		{"Apply", apply},
		{"OneStanza", oneStanza},
		{"SeveralStanzas", severalStanzas},
		{"TheyQueueForTheHost", queue},
		{"ASecondHostSkipsWhatTheFirstOneDrilled", skips},
		{"ItTakesOverWhatIsDue", takesOver},
		{"OneStanzaAgain", oneAgain},
	} {
		if !t.Run(chapter.name, func(t *testing.T) { chapter.test(t, p) }) {
			t.Fatalf("the story ends with %s", chapter.name)
		}
	}
}

// removeOwnProject removes what the role made on this machine's daemon, as far as there is something.
func (p *production) removeOwnProject() {
	for _, c := range trusted("veza-drill " + lab.DrillHost) {
		_, _ = incus("config", "trust", "remove", c)
	}
	for _, name := range []string{stanza, other} {
		_, _ = incus("profile", "delete", "veza-drill."+name, "--project="+ownProject)
	}
	_, _ = incus("project", "delete", ownProject)
}

// oneStanza: the role made the project and the way there, and a second apply has nothing to do; a drill by the unit of
// a single stanza passes in it.
func oneStanza(t *testing.T, p *production) {
	p.unchanged(t)
	said, err := incus("project", "get", ownProject, "restricted")
	require.NoError(t, err, said)
	assert.Equal(t, "true", said)
	assert.Equal(t, "600 root", p.on(t, p.drillHost, "stat", "-c", "%a %U", ownConf+"/client.key"))
	primary, _ := p.roles(t)
	require.Equal(t, "success", p.byHand(t, primary, "pgbackrest-full").Result)
	require.NoError(t, p.lab.CopyStanza(t.Context(), lab.RepositoryDirectory, stanza, other))
	require.Equal(t, "success", p.byHand(t, p.drillHost, "pgbackrest-drill").Result)
	assert.Equal(t, "1", p.runs(t, ""))
}

// severalStanzas: template units take the place of the single one's, and nothing that it said or kept is lost.
func severalStanzas(t *testing.T, p *production) {
	before := p.on(t, p.drillHost, "cat", textfiles+"/veza_backup_drill.prom")
	p.variables = append(p.variables, "-e", list)
	p.applied(t)
	p.unchanged(t)
	assert.Equal(t, before, p.said(t, stanza))
	assert.Equal(t, "1", p.runs(t, stanza))
	p.on(t, p.drillHost, "test", "!", "-e", textfiles+"/veza_backup_drill.prom")
	p.on(t, p.drillHost, "test", "!", "-e", "/etc/systemd/system/pgbackrest-drill.service")
	for _, unit := range []string{"drill", "check"} {
		name := "pgbackrest-" + unit + otherUnit + ".service"
		assert.Empty(t, p.on(t, p.drillHost, "sh", "-c", `systemd-analyze verify --man=no "$1" 2>&1`, "sh", name))
		p.on(t, p.drillHost, "systemd-analyze", "security", "--no-pager", "--threshold="+exposure[lab.DrillHost], name)
	}
}

// queue: two that begin at once are drilled one after the other, and both pass.
func queue(t *testing.T, p *production) {
	begun := p.on(t, p.drillHost, "date", "+%s")
	for _, ended := range p.both(t) {
		assert.Equal(t, "success", ended.Result)
	}
	journal := p.on(t, p.drillHost, "journalctl", "--no-pager", "-o", "cat", "--since=@"+begun, "-u",
		"pgbackrest-drill@*")
	assert.Equal(t, 1, strings.Count(journal, "waiting until no other run has the slot"), journal)
	assert.Contains(t, journal, "was free after")
	for name, runs := range map[string]string{stanza: "2", other: "1"} {
		assert.Equal(t, runs, p.runs(t, name), name)
		assert.Contains(t, p.said(t, name), `veza_backup_drill_last_success{reason="none",stanza="`+name+`"} 1`)
	}
}

// both starts the drills of both stanzas at the same moment, and waits for their ends.
func (p *production) both(t *testing.T) (ended []state) {
	t.Helper()
	units := []string{"pgbackrest-drill" + ownUnit, "pgbackrest-drill" + otherUnit}
	ended = make([]state, 2)
	ended[0] = p.after(t, p.drillHost, units[0], func() {
		ended[1] = p.after(t, p.drillHost, units[1], func() {
			p.on(t, p.drillHost, "systemctl", "start", "--no-block", units[0]+".service", units[1]+".service")
		})
	})
	return ended
}

// skips: as the second host, with its timers a day later, it leaves alone what the first one has a young verdict on,
// and takes what it said of that before out of its textfile.
func skips(t *testing.T, p *production) {
	second := "all: {children: {incus_hosts: {hosts: {elsewhere: {}}}}}\n"
	require.NoError(t, os.WriteFile(filepath.Join(p.inventory, "second.yml"), []byte(second), 0o600))
	p.variables = append(p.variables, "-e", "dr_drill_host=elsewhere", "-e", "dr_drill_second_host="+p.drillHost)
	p.applied(t)
	assert.Contains(t, p.on(t, p.drillHost, "systemctl", "show", "pgbackrest-drill"+ownUnit+".timer", "-p",
		"TimersCalendar"), "Mon *-*-* 04:00:00 UTC")
	for timer, enabled := range map[string]string{"drill": "enabled", "check": "disabled"} {
		assert.Equal(t, enabled, p.on(t, p.drillHost, "sh", "-c", `systemctl is-enabled "$1" || true`, "sh",
			"pgbackrest-"+timer+ownUnit+".timer"))
	}

	p.told(t, stanza, time.Now().Add(time.Minute))
	p.told(t, other, time.Now().Add(-8*24*time.Hour))
	ended := p.both(t)
	assert.Equal(t, "exec-condition", ended[0].Result)
	assert.Equal(t, "success", ended[1].Result)
	assert.Contains(t, p.on(t, p.drillHost, "journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u",
		"pgbackrest-drill"+ownUnit), "stanza "+stanza+" is not due: host elsewhere drilled it")
	assert.NotContains(t, p.said(t, stanza), `stanza="`+stanza+`"`)
	assert.Equal(t, "2", p.runs(t, stanza), "nothing ran")
}

// takesOver: what the first host has no young verdict on is drilled here, and it is told; so is everything where nobody
// can be asked.
func takesOver(t *testing.T, p *production) {
	p.told(t, stanza, time.Now().Add(-8*24*time.Hour))
	require.Equal(t, "success", p.byHand(t, p.drillHost, "pgbackrest-drill"+ownUnit).Result)
	assert.Equal(t, "3", p.runs(t, stanza))
	said, err := incus("profile", "get", "veza-drill."+stanza, "user.veza-drill.verdict", "--project="+ownProject)
	require.NoError(t, err, said)
	assert.NotContains(t, said, "elsewhere")
	assert.Contains(t, said, `"exit":0`)

	p.on(t, p.drillHost, "mv", ownConf+"/client.crt", ownConf+"/away")
	ended := p.byHand(t, p.drillHost, "pgbackrest-drill"+ownUnit)
	p.on(t, p.drillHost, "mv", ownConf+"/away", ownConf+"/client.crt")
	assert.Equal(t, "exit-code", ended.Result, "it is no skip, but a drill without a verdict")
	assert.Equal(t, "2", ended.Status)
	require.Equal(t, "success", p.byHand(t, p.drillHost, "pgbackrest-drill"+ownUnit).Result)
}

// oneAgain: without the list, the single unit has what was said and kept of its stanza.
func oneAgain(t *testing.T, p *production) {
	before := p.said(t, stanza)
	p.variables = append(p.variables, "-e", `{"dr_drill_stanzas": []}`, "-e", "dr_drill_host="+p.drillHost,
		"-e", "dr_drill_second_host=")
	p.applied(t)
	p.unchanged(t)
	assert.Equal(t, before, p.on(t, p.drillHost, "cat", textfiles+"/veza_backup_drill.prom"))
	assert.Equal(t, "5", p.runs(t, ""))
	for _, gone := range []string{
		textfiles + "/veza_backup_drill_" + other + ".prom", "/etc/pgbackrest/stanza-" + other + ".conf",
		"/etc/systemd/system/pgbackrest-drill@.service",
	} {
		p.on(t, p.drillHost, "test", "!", "-e", gone)
	}
	require.Equal(t, "success", p.byHand(t, p.drillHost, "pgbackrest-drill").Result)
}

// applied applies the role to the drill host.
func (p *production) applied(t *testing.T) play {
	t.Helper()
	result := p.play(t, "--limit", p.drillHost)
	require.True(t, result.ok, result.said)
	return result
}

// unchanged applies it again, which changes nothing.
func (p *production) unchanged(t *testing.T) {
	t.Helper()
	result := p.applied(t)
	assert.Zero(t, total(result.changed), result.said)
}

// said is the textfile of a stanza among several.
func (p *production) said(t *testing.T, name string) string {
	t.Helper()
	return p.on(t, p.drillHost, "cat", textfiles+"/veza_backup_drill_"+name+".prom")
}

// runs are how many drills the history has; "" is that of a single stanza.
func (p *production) runs(t *testing.T, name string) string {
	t.Helper()
	return p.on(t, p.drillHost, "sh", "-c", "wc -l <"+filepath.Join("/var/lib/veza-drill", name, "drill-history.jsonl"))
}

// told tells, as the first host does, of a verdict of its on a stanza.
func (p *production) told(t *testing.T, name string, at time.Time) {
	t.Helper()
	verdict, err := json.Marshal(map[string]any{"host": "elsewhere", "at": at.UTC(), "exit": 0})
	require.NoError(t, err)
	said, err := incus("profile", "create", "veza-drill."+name, "--project="+ownProject)
	if !strings.Contains(said, "already exists") {
		require.NoError(t, err, said)
	}
	said, err = incus("profile", "set", "veza-drill."+name, "user.veza-drill.verdict="+string(verdict),
		"--project="+ownProject)
	require.NoError(t, err, said)
}
