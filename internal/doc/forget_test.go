package doc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A service that failed and that nothing starts on this host any more is no failed one for ever; one that is started is
// left as it is.
func TestDrillRole_ForgetsHowServicesEndedThatNothingStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs ansible-playbook")
	}
	type m = map[string]any
	const all = "pgbackrest-drill pgbackrest-check pgbackrest-drill-control pgbackrest-evidence"
	many := []any{m{"stanza": "veza"}, m{"stanza": "shop-eu"}}
	cases := map[string]struct {
		vars       m
		idle, gone string
	}{
		"all of it":    {m{"dr_drill_evidence": true}, "", ""},
		"no control":   {m{"dr_drill_evidence": true, "dr_drill_control": false}, "pgbackrest-drill-control", ""},
		"no evidence":  {m{}, "pgbackrest-evidence", ""},
		"another host": {m{"dr_drill_evidence": true, "dr_drill_host": "other"}, all, ""},
		"the second host": {
			m{"dr_drill_evidence": true, "dr_drill_host": "other", "dr_drill_second_host": "localhost"},
			"pgbackrest-check pgbackrest-drill-control", "",
		},
		"of several stanzas": {
			m{"dr_drill_evidence": true, "dr_drill_control": false, "dr_drill_stanzas": many},
			`pgbackrest-drill-control@veza pgbackrest-drill-control@shop\x2deu`, "",
		},
		"a stanza that goes": {
			m{"dr_drill_evidence": true, "dr_drill_stanzas": many, "__dr_drill_leaving": []string{"old-eu"}},
			"",
			`pgbackrest-drill@old\x2deu pgbackrest-check@old\x2deu pgbackrest-drill-control@old\x2deu ` +
				`pgbackrest-evidence@old\x2deu`,
		},
		"one that was alone": {
			m{"dr_drill_evidence": true, "dr_drill_stanzas": many, "__dr_drill_single_leaves": true}, "", all,
		},
	}
	for file, which := range map[string]string{"units": "idle", "retire_units": "gone"} {
		tasks := content(t, "fixtures/ansible/roles/dr_drill/tasks/"+file+".yml")
		assert.Contains(t, tasks, `__dr_drill_ended: "{{ __dr_drill_`+which+` }}"`, file)
	}
	dir := t.TempDir()
	var tasks []any
	for name, c := range cases {
		vars := m{
			"dr_drill_host": "localhost", "pgbackrest_stanza": "veza", "pgbackrest_repo2_enabled": false,
			"dr_drill_control": true, "__dr_drill_leaving": []string{}, "__dr_drill_single_leaves": false,
			"found": m{"idle": "{{ __dr_drill_idle | join(' ') }}", "gone": "{{ __dr_drill_gone | join(' ') }}"},
		}
		for variable, value := range c.vars {
			vars[variable] = value
		}
		tasks = append(tasks, m{"vars": vars, "ansible.builtin.set_fact": m{
			"got": "{{ got | default({}) | combine({'" + name + "': found}) }}",
		}})
	}
	// What systemctl is told: of some, and of none, which to systemctl would be all.
	called, lists := filepath.Join(dir, "called"), filepath.Join(dir, "lists.json")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "systemctl"),
		[]byte("#!/bin/sh\nprintf '%s\\n' \"$*\" >>"+called+"\nexit 1\n"), 0o700)) //nolint:gosec // a program
	for _, services := range [][]string{{"pgbackrest-drill", `pgbackrest-check@shop\x2deu`}, {}} {
		tasks = append(tasks, m{
			"ansible.builtin.include_tasks": "{{ role }}/tasks/forget.yml", "vars": m{"__dr_drill_ended": services},
		})
	}
	drillPlay(t, dir, tasks, "--check")
	assert.NoFileExists(t, called, "nothing is done by --check")

	tasks = append(tasks, m{"ansible.builtin.copy": m{"dest": lists, "content": "{{ got | to_json }}"}})
	drillPlay(t, dir, tasks)
	said, err := os.ReadFile(called) //nolint:gosec // its own
	require.NoError(t, err)
	assert.Equal(t, `reset-failed pgbackrest-drill.service pgbackrest-check@shop\x2deu.service`,
		strings.TrimSpace(string(said)))
	written, err := os.ReadFile(lists) //nolint:gosec // its own
	require.NoError(t, err)
	var got map[string]struct{ Idle, Gone string }
	require.NoError(t, json.Unmarshal(written, &got))
	for name, c := range cases {
		assert.ElementsMatch(t, strings.Fields(c.idle), strings.Fields(got[name].Idle), name)
		assert.ElementsMatch(t, strings.Fields(c.gone), strings.Fields(got[name].Gone), name)
	}
}
