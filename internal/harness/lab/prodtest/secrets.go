package prodtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/harness/lab"
)

// others are the places for what the roles put on a machine, but for pgbackrest.conf.
const others = "/etc/veza /etc/default /etc/systemd/system /usr/local/libexec " +
	"/var/lib/veza-drill /var/lib/node_exporter /var/log/pgbackrest"

// secrets: none stands in a journal, unit, environment, report, metric, command line or script of
// any machine; the only place is pgbackrest.conf.
func secrets(t *testing.T, p *production) { p.secretsOn(t, lab.Machines...) }

func (p *production) secretsOn(t *testing.T, machines ...string) {
	t.Helper()
	for _, machine := range machines {
		said := map[string]string{
			"journal":      p.on(t, machine, "journalctl", "--no-pager", "-o", "cat"),
			"processes":    p.on(t, machine, "sh", "-c", "cat /proc/*/cmdline /proc/*/environ | tr '\\0' ' '"),
			"units":        p.on(t, machine, "sh", "-c", "systemctl cat 'pgbackrest-*'; systemctl show 'pgbackrest-*'"),
			"other places": p.on(t, machine, "sh", "-c", "grep -rhs --exclude-dir=incus . "+others+" || true"),
		}
		for place, text := range said {
			assert.NotEmpty(t, text, place)
			for _, secret := range p.secrets {
				//nolint:testifylint // NotContains prints the secret
				assert.False(t, strings.Contains(text, secret), "%s of %s", place, machine)
			}
		}
		conf := p.on(t, machine, "cat", "/etc/pgbackrest/pgbackrest.conf")
		if machine == lab.DrillHost { // not Next, which archives
			assert.NotContains(t, conf, p.secrets[1], "the drill's host cannot write to the repository")
		} else {
			assert.Contains(t, conf, p.secrets[1], "the secrets looked for are those in use")
		}
	}
}
