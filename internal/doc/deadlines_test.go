package doc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// systemd stops no run before testprom does: what testprom gives a run (package runner, prepare) is what the unit has,
// and 30 minutes. Which stanza is given most, and whether by its own settings, is all one.
func TestDrillRole_UnitsLetARunEndByItself(t *testing.T) {
	if testing.Short() {
		t.Skip("needs ansible-playbook")
	}
	const usual = "11h 30min"
	of := func(settings ...any) (entries []any) {
		for _, s := range settings {
			entries = append(entries, map[string]any{"stanza": "shop", "settings": s})
		}
		return entries
	}
	type m = map[string]any
	cases := map[string]struct {
		vars           m
		drill, control string
	}{
		"by default":        {m{}, usual, usual},
		"a long restore":    {m{"dr_drill_rto": "6h"}, usual, "1095min 30min"},
		"and once more":     {m{"dr_drill_rto": "6h", "dr_drill_compare": "sets"}, "765min 30min", "1095min 30min"},
		"just within":       {m{"dr_drill_rto": "3h30m", "dr_drill_compare": "sets"}, usual, usual},
		"a second too long": {m{"dr_drill_rto": "10h45m1s"}, "661min 30min", "1951min 30min"},
		"beside a standby":  {m{"dr_drill_rto": "10h15m", "dr_drill_compare": "standby"}, usual, "1860min 30min"},
		"and a long one": {
			m{"dr_drill_compare_budget": "11h", "dr_drill_compare": "standby"}, "705min 30min", usual,
		},
		"nothing to compare": {m{"dr_drill_compare_budget": "11h"}, usual, usual},
		"one of two stanzas": {
			m{"dr_drill_stanzas": of(nil, m{"DRILL_RTO": "8h"})}, usual, "1455min 30min",
		},
		"by all its settings": {
			m{"dr_drill_stanzas": of(
				m{"DRILL_RTO": "5h30m", "DRILL_COMPARE": "sets", "DRILL_COMPARE_BUDGET": "45m"}, m{})},
			"720min 30min", "1005min 30min",
		},
		"by those of all": {m{"dr_drill_settings": m{"DRILL_RTO": "12h"}}, "735min 30min", "2175min 30min"},
		"which none has": {
			m{"dr_drill_settings": m{"DRILL_RTO": "12h"}, "dr_drill_stanzas": of(m{"DRILL_RTO": "1h"})},
			usual, usual,
		},
		"one that was given": {
			m{"dr_drill_rto": "24h", "dr_drill_timeout": "2h", "dr_drill_control_timeout": "3h"},
			"2h 30min", "3h 30min",
		},
	}
	dir := t.TempDir()
	var tasks []any
	for name, c := range cases {
		c.vars["dr_drill_host"], c.vars["pgbackrest_stanza"] = "localhost", "shop"
		c.vars["timeouts"] = "{{ __dr_drill_units | map(attribute='timeout') | list }}"
		tasks = append(tasks, m{"vars": c.vars, "ansible.builtin.set_fact": m{
			"got": "{{ got | default({}) | combine({'" + name + "': timeouts}) }}",
		}})
	}
	deadlines := filepath.Join(dir, "deadlines.json")
	tasks = append(tasks, m{"ansible.builtin.copy": m{"dest": deadlines, "content": "{{ got | to_json }}"}})
	drillPlay(t, dir, tasks)
	written, err := os.ReadFile(deadlines) //nolint:gosec // its own
	require.NoError(t, err)
	var got map[string][]string
	require.NoError(t, json.Unmarshal(written, &got))
	for name, c := range cases {
		assert.Equal(t, []string{c.drill, usual, c.control}, got[name], name)
	}
}

// drillPlay plays tasks with the variables of role dr_drill, on this machine, which gives it nothing but a directory:
// programs that lie there come before its own.
func drillPlay(t *testing.T, dir string, tasks []any, args ...string) {
	t.Helper()
	role, err := filepath.Abs(root + "/fixtures/ansible/roles/dr_drill")
	require.NoError(t, err)
	written, err := json.Marshal([]any{map[string]any{
		"hosts": "localhost", "gather_facts": false, "tasks": tasks,
		"vars_files": []string{role + "/defaults/main.yml", role + "/vars/main.yml"},
	}})
	require.NoError(t, err)
	play := filepath.Join(dir, "play.yml")
	require.NoError(t, os.WriteFile(play, written, 0o600))
	args = append(args, "-i", "localhost,", "-c", "local", "-e", "role="+role, play)
	run := exec.CommandContext(t.Context(), "ansible-playbook", args...)
	run.Env = append(os.Environ(), "ANSIBLE_LOCAL_TEMP="+dir, "ANSIBLE_REMOTE_TEMP="+dir, "ANSIBLE_NOCOLOR=1",
		"ANSIBLE_NOCOWS=1", "ANSIBLE_PIPELINING=1", "PATH="+dir+":"+os.Getenv("PATH"))
	said, err := run.CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Contains(t, string(said), "changed=")
}
