package prodtest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/harness/runbook"
)

// RunRunbooks tells of what production meets in its second year: the pages of fixtures/runbooks for it are typed on the
// lab's formation, and what the roles can do beside their defaults is applied to it.
func RunRunbooks(t *testing.T) {
	t.Helper()
	l, err := lab.Open(t.Context())
	require.NoError(t, err)
	_, err = l.Grant(t.Context(), usualPath) // it may have been told before, and the pairs be those that were revoked
	require.NoError(t, err)
	p := operator(t, &production{lab: l, drillHost: lab.DrillHost, place: usualPath, write: l.Inventory})
	p.variables = alarmTested
	p.on(t, "s3", "rm", "-rf", path.Join(path.Dir(lab.RepositoryDirectory), nextPath))
	for _, chapter := range []struct {
		name string
		test func(*testing.T, *production)
	}{
		{"BareMachines", bare},
		{"Apply", apply},
		{"AlertsAreLoaded", loadAlerts},
		{"FirstBackupAndDrill", firstBackup},
		{"TheAlarmIsTriedByItsTimer", alarmTried},
		{"EveryTagAloneChangesNothing", tagsAlone},
		{"RotateTheKeys", rotateKeys},
		{"OptionsOfOnesOwn", ownOptions},
		{"BackupFromTheStandby", fromStandby},
		{"PlainReplication", plainReplication},
		{"ANewPassphrase", newPassphrase},
		{"AfterAMajorUpgrade", majorUpgrade},
		{"TheTriedAlarmArrived", alarmArrived},
		{"TheDrillHostIsLost", lostDrillHost},
	} {
		if !t.Run(chapter.name, func(t *testing.T) { chapter.test(t, p) }) {
			t.Fatalf("the story ends with %s", chapter.name)
		}
	}
}

// firstBackup is what the pages take for granted.
func firstBackup(t *testing.T, p *production) {
	primary, _ := p.roles(t)
	require.Equal(t, "success", p.byHand(t, primary, "pgbackrest-full").Result)
	p.drills(t, "")
}

// drills starts a drill by its unit, "" or such as "@veza.repo2", which passes.
func (p *production) drills(t *testing.T, instance string) {
	t.Helper()
	require.Equal(t, "success", p.byHand(t, p.drillHost, "pgbackrest-drill"+instance).Result)
}

// hands are what an operator does besides typing a page's commands, when a section begins: at the object store, or in
// the inventory.
type hands map[string]func()

// typed types a page, each block where it says; told is set in every shell of the drill's host.
func (p *production) typed(t *testing.T, page, told string, h hands) {
	t.Helper()
	defer took(t, page)()
	content, err := runbook.Read(runbooks + page)
	require.NoError(t, err)
	for _, section := range content.Sections {
		if begin := h[section.Number]; begin != nil {
			begin()
			delete(h, section.Number)
		}
		for _, block := range section.Blocks {
			switch primary, _ := p.roles(t); block.Where {
			case "controller":
				p.controller(t, block.Script)
			case "primary":
				p.shell(t, primary, content.Preamble+block.Script)
			case "drill":
				p.shell(t, p.drillHost, content.Preamble+told+block.Script)
			default:
				require.Fail(t, "the page types something on "+block.Where)
			}
		}
	}
	require.Empty(t, h, "sections that the page does not have")
	assert.Equal(t, "none", string(p.report(t, "drill").Report.Reason))
	assert.Equal(t, "none", string(p.report(t, "backup").Report.Reason))
}

// vault edits the vault's content.
func (p *production) vault(t *testing.T, values map[string]string) {
	t.Helper()
	file := filepath.Join(p.inventory, "group_vars", "all", "vault.yml")
	all := map[string]string{}
	said := run(t, "ansible-vault", "view", "--vault-password-file", p.password, file)
	require.NoError(t, yaml.Unmarshal([]byte(said), &all))
	for name, value := range values {
		all[name] = value
		p.secrets = append(p.secrets, value)
	}
	text, err := yaml.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	run(t, "ansible-vault", "encrypt", "--vault-password-file", p.password, file)
}

// inventoryFile writes one of the files of variables, which counts over those before it in the alphabet; "" removes it.
func (p *production) inventoryFile(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(p.inventory, "group_vars", "all", name)
	if content == "" {
		require.NoError(t, os.Remove(file))
		return
	}
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

// nowhere: what was revoked stands in no conf any more.
func (p *production) nowhere(t *testing.T, secrets ...string) {
	t.Helper()
	for _, machine := range append([]string{p.drillHost}, lab.DataNodes...) {
		conf := p.on(t, machine, "sh", "-c", "cat /etc/pgbackrest/*.conf")
		for _, secret := range secrets {
			//nolint:testifylint // NotContains prints the secret
			assert.False(t, strings.Contains(conf, secret), machine)
		}
	}
}

// variablesOf is the block of variables on a page, without the lines that the inventory has nothing for.
func variablesOf(t *testing.T, page string, without ...string) string {
	t.Helper()
	content, err := os.ReadFile(runbooks + page)
	require.NoError(t, err)
	found := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindSubmatch(content)
	require.NotNil(t, found)
	var kept strings.Builder
	for line := range strings.Lines(string(found[1])) {
		name, _, _ := strings.Cut(line, ":")
		if !strings.Contains(strings.Join(without, " "), name) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// again applies the playbook with more variables, twice: the second time nothing is changed.
func (p *production) again(t *testing.T, args ...string) {
	t.Helper()
	result := p.play(t, args...)
	require.True(t, result.ok, result.said)
	result = p.play(t, args...)
	require.True(t, result.ok, result.said)
	assert.Zero(t, total(result.changed), result.said)
}

// tagsAlone: each tag of the playbook works by itself, on machines that have everything.
func tagsAlone(t *testing.T, p *production) {
	for _, tag := range []string{"pgbackrest", "repository", "timers", "drill", "monitoring", "timers,monitoring"} {
		result := p.play(t, "--tags", tag)
		require.True(t, result.ok, result.said)
		assert.Zero(t, total(result.changed), "%s: %s", tag, result.said)
	}
}
