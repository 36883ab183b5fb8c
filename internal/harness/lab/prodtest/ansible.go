package prodtest

import (
	"context"
	"crypto/rand"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
)

// playTime bounds one run of the playbook: from source it compiles everything, and the machine may be a busy one.
const playTime = 20 * time.Minute

// list writes the operator's inventory, with its vault encrypted.
func (p *production) list(t *testing.T) {
	t.Helper()
	var err error
	p.secrets, err = p.write(t.Context(), p.inventory)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(p.password, []byte(rand.Text()), 0o600))
	vault := filepath.Join(p.inventory, "group_vars", "all", "vault.yml")
	run(t, "ansible-vault", "encrypt", "--vault-password-file", p.password, vault)
	content, err := os.ReadFile(vault)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(content), "$ANSIBLE_VAULT"))
}

// run runs a command of this machine, which must not fail.
func run(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	require.NoError(t, err, "%s: %s", argv[0], said)
	return string(said)
}

// play is one run of the playbook.
type play struct {
	said string
	ok   bool
	// changed are the tasks that changed something, by machine.
	changed map[string]int
}

// play applies the playbook with more arguments, as fixtures/ansible/README.md says, and holds it to what
// every run owes: no secret in what it prints.
func (p *production) play(t *testing.T, args ...string) play {
	t.Helper()
	defer took(t, "ansible-playbook "+strings.Join(args, " "))()
	ctx, cancel := context.WithTimeout(t.Context(), playTime)
	defer cancel()
	argv := append([]string{"-i", p.inventory, "--vault-password-file", p.password, "postgres_ha.yml"}, args...)
	argv = append(argv, p.variables...)
	cmd := exec.CommandContext(ctx, "ansible-playbook", argv...)
	cmd.Dir = filepath.Join(fixtures, "ansible")
	cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0")
	output, err := cmd.CombinedOutput()
	result := play{said: string(output), ok: err == nil, changed: map[string]int{}}
	for _, line := range recap.FindAllStringSubmatch(result.said, -1) {
		result.changed[line[1]], err = strconv.Atoi(line[2])
		require.NoError(t, err)
	}
	for _, secret := range p.secrets {
		//nolint:testifylint // NotContains prints the secret
		assert.False(t, strings.Contains(result.said, secret), "a secret was printed")
	}
	return result
}

// tasks are those of the role itself; Ansible puts one before them where there are argument specs.
var tasks = regexp.MustCompile(`(?m)^TASK \[pgbackrest : [^V].*`)

// recap is a machine's line at the end of a run.
var recap = regexp.MustCompile(`(?m)^(\S+)\s+: ok=\d+\s+changed=(\d+)`)

// placeholders: nothing is done, not even asked, with a secret that is none; the variable is
// named, its value never.
func placeholders(t *testing.T, p *production) {
	for name, value := range map[string]string{
		"pgbackrest_cipher_pass": "CHANGE_ME-7f3a", "pgbackrest_s3_key_secret": "short77", "pgbackrest_s3_key": "",
	} {
		t.Run(name, func(t *testing.T) {
			result := p.play(t, "-e", name+"="+value)
			require.False(t, result.ok, result.said)
			assert.Contains(t, result.said, name)
			if value != "" {
				assert.NotContains(t, result.said, value)
			}
			for _, task := range tasks.FindAllString(result.said, -1) {
				assert.Contains(t, task, "secrets", "what the role did before it stopped")
			}
			assert.Zero(t, total(result.changed))
		})
	}
	for _, machine := range lab.Machines {
		p.on(t, machine, "test", "!", "-e", "/etc/pgbackrest/pgbackrest.conf")
	}
}

// checkMode: what would be done is shown on machines that have nothing yet, and nothing is.
func checkMode(t *testing.T, p *production) {
	result := p.play(t, "--check", "--diff")
	require.True(t, result.ok, result.said)
	assert.Positive(t, total(result.changed))
	for _, machine := range lab.Machines {
		p.on(t, machine, "test", "!", "-e", "/etc/pgbackrest/pgbackrest.conf")
	}
}

// noRestart: archive_mode needs a restart, which nobody allowed: the play says so and stops,
// and PostgreSQL runs on.
func noRestart(t *testing.T, p *production) {
	before := p.started(t)
	result := p.play(t)
	require.False(t, result.ok, result.said)
	assert.Contains(t, result.said, "pgbackrest_restart_postgres")
	assert.Equal(t, before, p.started(t), "nothing was restarted")
}

// apply: with leave to restart, both nodes archive, and the pair is stable. Which of them is
// primary then is pg_auto_failover's to say: it may take the restart for a failure.
func apply(t *testing.T, p *production) {
	result := p.play(t, "-e", "pgbackrest_restart_postgres=true")
	require.True(t, result.ok, result.said)
	require.NoError(t, p.lab.Stable(t.Context()))
	for _, node := range lab.DataNodes {
		for setting, value := range map[string]string{
			"archive_mode": "on", "archive_timeout": "1min", "archive_command": "archive-push",
		} {
			assert.Contains(t, p.psql(t, node, "SHOW "+setting), value, node)
		}
		assert.Equal(t, "640 postgres postgres",
			p.on(t, node, "stat", "-c", "%a %U %G", "/etc/pgbackrest/pgbackrest.conf"))
	}
}

// idempotent: applied again, also after a failover, nothing is changed.
func idempotent(t *testing.T, p *production) {
	for _, args := range [][]string{nil, {"--check", "--diff"}} {
		result := p.play(t, args...)
		require.True(t, result.ok, result.said)
		require.Subset(t, slices.Collect(maps.Keys(result.changed)), lab.Machines)
		assert.Zero(t, total(result.changed), result.said)
	}
}

// fromSource: the other way to install, a checkout that is compiled once.
func fromSource(t *testing.T, p *production) {
	args := []string{"-e", "dr_drill_install=source", "--limit", "incus_hosts"}
	result := p.play(t, args...)
	require.True(t, result.ok, result.said)
	result = p.play(t, args...)
	require.True(t, result.ok, result.said)
	assert.Zero(t, total(result.changed), result.said)
	assert.Contains(t, p.on(t, lab.DrillHost, "systemctl", "cat", "pgbackrest-drill.service"),
		"/bin/go test -tags drill ./drill ")
}

func total(changed map[string]int) (sum int) {
	for _, n := range changed {
		sum += n
	}
	return sum
}
