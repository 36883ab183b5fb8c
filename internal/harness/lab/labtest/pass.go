package labtest

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// passes: a drill of the lab passes, says so to Prometheus, and leaves nothing in the
// repository that production did not write.
func passes(t *testing.T, s *labSuite) {
	b := s.place(t)
	before := b.histories()
	o := b.clean()
	assert.Contains(t, o.Prom, fmt.Sprintf(`veza_backup_drill_last_success{reason="none",stanza="%s"} 1`, s.lab.Stanza))
	assert.Regexp(t, `veza_backup_drill_info\{.*environment="incus".*\} 1`, o.Prom)
	rows, ok := o.Value("rows", "users")
	assert.True(t, ok)
	assert.Positive(t, rows)
	basis, ok := o.Value("rpo_seconds", "heartbeat")
	assert.True(t, ok, "the lab's heartbeat goes on")
	assert.Less(t, basis, 120.0)
	assert.Equal(t, before, b.histories(), "no timeline but production's: a clone that archived would bring one")
}

// histories are the timelines of the archive, as production's own pgBackRest lists them.
func (b *bench) histories() string {
	b.t.Helper()
	listed, err := b.lab.Pgbackrest(b.t.Context(), "repo-ls", "archive/"+b.lab.Stanza, "--recurse",
		fmt.Sprintf("--filter=\\.history$|^%d-1/0000000[2-9]", b.lab.Major))
	require.NoError(b.t, err)
	return string(listed)
}

// keptSandboxIsIsolated looks around from inside a kept sandbox, by the lines the drill printed.
func keptSandboxIsIsolated(t *testing.T, s *labSuite) {
	b := s.place(t)
	o := b.start("kept", "-keep").End()
	b.verdict(o, reason.ExitPass, reason.None)
	notes := strings.Join(o.Report.Notes, "\n")
	kept := b.sandboxes()
	require.Len(t, kept, 1)
	name := kept[0].Name
	t.Cleanup(func() { b.incus("delete", "--force", name) })

	line := regexp.MustCompile(`enter it: (incus exec .*)`).FindStringSubmatch(notes)
	require.NotEmpty(t, line, notes)
	inside := func(script string) string { return b.incus("exec", name, "--", "sh", "-c", script) }
	ask := func(query string) string { return b.shell(psql(line[1], query)) }

	assert.Equal(t, "lo", inside("ls /sys/class/net"), "no interface but lo")
	assert.Empty(t, inside("ip route; ip -6 route | grep -v ' dev lo '; true"), "no route")
	assert.Equal(t, "off", ask("SHOW archive_mode"))
	assert.Equal(t, "(disabled)", ask("SHOW archive_command"))
	assert.Equal(t, "f", ask("SELECT pg_is_in_recovery()"))
	assert.Contains(t, inside("ps -eo args"), "postgres", "the server runs on")

	// The store answers by its name, over TLS; nothing else does, by name or by number.
	assert.Contains(t, b.shell(strings.Replace(line[1], psqlOf(line[1]), "pgbackrest info --stanza="+s.lab.Stanza, 1)),
		"status: ok")
	for _, address := range b.outside() {
		_, err := b.tryIncus("exec", name, "--", "timeout", "5", "bash", "-c",
			"exec 3<>/dev/tcp/"+strings.Replace(address, ":", "/", 1))
		assert.Error(t, err, "%s must not be reached", address)
	}
	for _, device := range kept[0].Devices {
		assert.NotEqual(t, "nic", device["type"])
	}
	assert.Equal(t, "false", kept[0].Config["boot.autostart"])
	assert.Equal(t, "true", kept[0].Config["user.veza-drill.kept"])
	assert.NotEmpty(t, kept[0].Config["limits.memory"])
	assert.NotEmpty(t, kept[0].Devices["root"]["size"])

	sameConf(t, b, name)
	second := b.start("second").End() // beside it, under another name
	b.verdict(second, reason.ExitPass, reason.None)
	assert.Equal(t, "1", ask("SELECT 1"), "the kept one still answers")
	require.Len(t, b.sandboxes(), 1)
}

// sameConf compares the conf and the CA in the sandbox with the host's, byte for byte. They are pulled: on a busy
// machine `incus exec` of 6.0 may lose what a short command prints.
func sameConf(t *testing.T, b *bench, name string) {
	t.Helper()
	want, err := os.ReadFile(b.conf)
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(want)),
		b.incus("file", "pull", name+"/etc/pgbackrest/pgbackrest.conf", "-"))
	assert.Equal(t, "640 postgres",
		b.incus("exec", name, "--", "stat", "-c", "%a %U", "/etc/pgbackrest/pgbackrest.conf"))
	ca := regexp.MustCompile(`(?m)^repo1-storage-ca-file=(.+)$`).FindSubmatch(want)
	require.NotNil(t, ca, "the lab's conf names a CA")
	want, err = os.ReadFile(string(ca[1]))
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(want)), b.incus("file", "pull", name+string(ca[1]), "-"))
}

// outside are addresses the host reaches, and the sandbox must not.
func (b *bench) outside() []string { return b.lab.Addresses() }

func psqlOf(line string) string {
	return regexp.MustCompile(`psql( -[a-zA-Z] [^ ']+)+`).FindString(line)
}

// psql puts a query into the line the drill printed.
func psql(line, query string) string {
	command := psqlOf(line)
	return strings.Replace(line, command, command+` -XAt -c "`+query+`"`, 1)
}

// shell runs a line that was printed for an operator, as he would.
func (b *bench) shell(line string) string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "sh", "-c", line)
	cmd.Env = append(os.Environ(), b.cli...)
	said, err := cmd.CombinedOutput()
	assert.NoError(b.t, err, "%s: %s", line, said)
	return strings.TrimSpace(string(said))
}
