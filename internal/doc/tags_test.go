package doc

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const ansible = "fixtures/ansible"

// What is included while a play runs does not inherit the tags of its include: without `apply` a run by tags does
// nothing of it, and ends well.
func TestAnsible_TagsReachWhatIsIncluded(t *testing.T) {
	w := &tagged{t: t, tasks: map[string]map[string][]string{}}
	w.playbook(filepath.Join(ansible, "postgres_ha.yml"))

	for _, c := range []struct{ hosts, tag, task string }{
		{"localhost", "always", "Require an inventory with data nodes"},
		{"postgres_ha_nodes", "pgbackrest", "Render pgbackrest.conf"},
		{"postgres_ha_nodes", "pgbackrest", "Require a formation that answers"},
		{"postgres_ha_nodes", "pgbackrest", "Switch WAL and wait for it in every repository"},
		{"postgres_ha_nodes", "pgbackrest", "Restart PostgreSQL"},
		{"postgres_ha_nodes", "pgbackrest", "Beat"},
		{"postgres_ha_nodes", "repository", "Refuse secrets that are none"},
		{"postgres_ha_nodes", "repository", "Render pgbackrest.conf"},
		{"postgres_ha_nodes", "repository", "Build the programs on the controller"},
		{"postgres_ha_nodes", "timers", "Refuse secrets that are none"},
		{"postgres_ha_nodes", "timers", "Enable the timers"},
		{"postgres_ha_nodes", "timers", "Stop the timer"},
		{"postgres_ha_nodes", "timers", "Forget how it ended"},
		{"incus_hosts", "repository", "Check who drills"},
		{"incus_hosts", "repository", "Refuse secrets that are none"},
		{"incus_hosts", "repository", "Render pgbackrest.conf"},
		{"incus_hosts", "timers", "Run the timers on one host of the group"},
		{"incus_hosts", "timers", "Refuse secrets that are none"},
		{"incus_hosts", "timers", "Install its hours"},
		{"incus_hosts", "timers", "Stop its timers"},
		{"incus_hosts", "timers", "Forget how they ended"},
		{"incus_hosts", "timers", "Retire the reports of what is not drilled here"},
		{"incus_hosts", "timers", "Install the policy that the backups are held against"},
		{"incus_hosts", "drill", "Render pgbackrest.conf"},
		{"incus_hosts", "drill", "Build what is there"},
		{"incus_hosts", "drill", "Fetch the package"},
		{"incus_hosts", "drill", "Give it the flag"},
		{"incus_hosts", "monitoring", "Give it the flag"},
		{"monitoring_hosts", "monitoring", "Check that the list can be added to"},
	} {
		assert.Contains(t, w.tasks[c.hosts][c.tag], c.task, "--tags %s on %s", c.tag, c.hosts)
	}
	for _, c := range []struct{ hosts, tag, task string }{
		{"postgres_ha_nodes", "repository", "Run stanza-create"},
		{"postgres_ha_nodes", "timers", "Render pgbackrest.conf"},
		{"postgres_ha_nodes", "repository", "Enable the timers"},
		{"incus_hosts", "repository", "Run the timers on one host of the group"},
		{"incus_hosts", "timers", "Render pgbackrest.conf"},
		{"incus_hosts", "monitoring", "Render pgbackrest.conf"},
	} {
		assert.NotContains(t, w.tasks[c.hosts][c.tag], c.task, "--tags %s on %s", c.tag, c.hosts)
	}
	known := []string{"always", "pgbackrest", "repository", "timers", "drill", "monitoring"}
	page := content(t, ansible+"/README.md")
	for hosts, tags := range w.tasks {
		for tag := range tags {
			assert.Contains(t, known, tag, hosts)
			assert.Contains(t, page, "| `"+tag+"` |", "the page does not explain it")
		}
	}
}

// tagged collects the tasks of a playbook, by hosts and tag.
type tagged struct {
	t     *testing.T
	hosts string
	tasks map[string]map[string][]string
}

type entry = map[string]any

func (w *tagged) read(file string, into any) {
	w.t.Helper()
	require.NoError(w.t, yaml.Unmarshal([]byte(content(w.t, file)), into), file)
}

func (w *tagged) playbook(file string) {
	w.t.Helper()
	var plays []entry
	w.read(file, &plays)
	for _, play := range plays {
		w.hosts = play["hosts"].(string)
		w.tasks[w.hosts] = map[string][]string{}
		tags := list(play["tags"])
		roles, _ := play["roles"].([]any)
		for _, role := range roles {
			role := role.(entry)
			w.file(role["role"].(string), "main", slices.Concat(tags, list(role["tags"])))
		}
		for _, part := range []string{"tasks", "post_tasks"} {
			if tasks, there := play[part]; there {
				w.walk("", tasks, tags)
			}
		}
	}
}

// file walks a file of a role's tasks.
func (w *tagged) file(role, name string, tags []string) {
	w.t.Helper()
	var tasks []any
	w.read(filepath.Join(ansible, "roles", role, "tasks", strings.TrimSuffix(name, ".yml")+".yml"), &tasks)
	w.walk(role, tasks, tags)
}

func (w *tagged) walk(role string, tasks any, tags []string) {
	w.t.Helper()
	for _, task := range tasks.([]any) {
		task := task.(entry)
		own := slices.Concat(tags, list(task["tags"]))
		name, _ := task["name"].(string)
		for _, part := range []string{"block", "rescue", "always"} {
			if inner, there := task[part]; there {
				w.walk(role, inner, own)
			}
		}
		switch {
		case task["ansible.builtin.import_tasks"] != nil:
			w.file(role, task["ansible.builtin.import_tasks"].(string), own)
		case task["ansible.builtin.include_tasks"] != nil:
			include, _ := task["ansible.builtin.include_tasks"].(entry)
			applied := w.applied(role, name, include, own)
			for _, file := range files(include["file"]) {
				w.file(role, file, applied)
			}
		case task["ansible.builtin.include_role"] != nil:
			include := task["ansible.builtin.include_role"].(entry)
			w.file(include["name"].(string), include["tasks_from"].(string), w.applied(role, name, include, own))
		default:
			for _, tag := range own {
				w.tasks[w.hosts][tag] = append(w.tasks[w.hosts][tag], name)
			}
		}
	}
}

// applied are the tags that an include gives to what it includes: all that it is reached by.
func (w *tagged) applied(role, name string, include entry, own []string) []string {
	w.t.Helper()
	apply, _ := include["apply"].(entry)
	applied := list(apply["tags"])
	for _, tag := range own {
		if tag == "timers" && strings.HasPrefix(name, "Install pgBackRest and its conf") {
			continue // for the variables alone, and the checks, which have the tag themselves
		}
		assert.Contains(w.t, applied, tag, "role %s, %q: --tags %[3]s does not reach what it includes", role, name, tag)
	}
	return applied
}

var literal = regexp.MustCompile(`'([a-z_]+\.yml)'`)

// files are those that the name of an include may come to.
func files(of any) (names []string) {
	switch name, _ := of.(string); name {
	case "{{ dr_drill_install }}.yml":
		return []string{"binary", "source", "package"}
	case "{{ __pgbackrest_role_tasks }}":
		return []string{"role_pg_auto_failover", "role_replication"}
	default:
		for _, found := range literal.FindAllStringSubmatch(name, -1) {
			names = append(names, found[1])
		}
		if names == nil {
			names = []string{name}
		}
		return names
	}
}

func list(tags any) (all []string) {
	switch tags := tags.(type) {
	case string:
		return []string{tags}
	case []any:
		for _, tag := range tags {
			all = append(all, tag.(string))
		}
	}
	return all
}
