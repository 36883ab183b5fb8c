package doc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the page has an operator type takes all that the units of one stanza write to where its instances write, and
// nothing else: node_exporter serves but one of two files that have the same series.
func TestSystemdPage_MovesWhatTheUnitsOfOneStanzaWrite(t *testing.T) {
	var wrote, writes []string
	for _, unit := range []string{"pgbackrest-drill", "pgbackrest-check", "pgbackrest-drill-control"} {
		const argument = `(?m)^  -(?:textfile|report|history) /(\S+)`
		one := found(content(t, "fixtures/systemd/"+unit+".service"), argument)
		require.Len(t, one, 3, unit)
		wrote = append(wrote, one...)
		instance := strings.ReplaceAll(content(t, "fixtures/systemd/"+unit+"@.service"), "%I", "shop")
		writes = append(writes, found(instance, argument)...)
	}
	others := []string{
		"etc/systemd/system/pgbackrest-drill@.service", "etc/systemd/system/pgbackrest-full.service",
		"var/lib/prometheus/node-exporter/veza_backup_alarm.prom",
		"var/lib/prometheus/node-exporter/veza_backup_drill_other.prom", "var/lib/veza-drill/other/state.json",
	}
	page := content(t, "fixtures/systemd/README.md")
	commands := found(page, "(?s)ran before, .*?\n```\n(systemctl disable.*?)\n```\n")
	require.Len(t, commands, 1)
	script := strings.NewReplacer(" /var/", " $at/var/", " /etc/", " $at/etc/").Replace(commands[0])
	require.NotRegexp(t, `(?m)(^|[^\w$}])/`, strings.ReplaceAll(script, "$at/", ""), "this machine's own files stay")
	for name, c := range map[string]struct{ before, after []string }{
		"all of it": {
			slices.Concat(wrote, []string{
				"var/lib/veza-drill/state.json", "etc/systemd/system/pgbackrest-check.timer",
				"etc/systemd/system/pgbackrest-drill-control.service",
			}),
			slices.Concat(writes, []string{"var/lib/veza-drill/shop/state.json"}),
		},
		"some of it":           {wrote[:1], writes[:1]},
		"instances from first": {writes, writes},
	} {
		dir := t.TempDir()
		for _, file := range slices.Concat(c.before, others) {
			path := filepath.Join(dir, file)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
		shell := exec.CommandContext(t.Context(), "sh", "-c", "systemctl() { :; }\n"+script)
		shell.Dir, shell.Env = dir, append(os.Environ(), "at="+dir)
		said, err := shell.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, said)
		assert.ElementsMatch(t, slices.Concat(c.after, others), filesOf(t, dir), name)
	}
}
