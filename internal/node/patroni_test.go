package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Patroni that runs is found by the data directory that its configuration names, whichever way it has it.
func TestPatroniOf(t *testing.T) {
	proc, etc, pg := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "pg")
	require.NoError(t, os.Symlink(pg, pg+".link"))
	require.NoError(t, os.Mkdir(pg, 0o700))
	conf := func(name, content string) string {
		path := filepath.Join(etc, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	plain := conf("main.yml", "scope: demo\npostgresql:\n  data_dir: "+pg+" # here\n  bin_dir: /usr/bin\n")
	ours := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(ours, "here"), 0o700))
	for _, name := range []string{"patroni.yml", "here/patroni.yml"} {
		require.NoError(t, os.WriteFile(filepath.Join(ours, name), []byte("  data_dir: "+pg), 0o600))
	}
	t.Chdir(ours)
	for name, c := range map[string]struct {
		comm, environment string
		arguments         []string
		keeps             bool
	}{
		"block":     {"patroni", "", []string{"/usr/bin/python3", "/usr/bin/patroni", plain}, true},
		"flow":      {"patroni", "", []string{conf("flow.yaml", `postgresql: {"data_dir": "`+pg+`", port: 1}`)}, true},
		"a link":    {"patroni", "", []string{conf("link.yml", "  data_dir: '"+pg+".link'")}, true},
		"directory": {"patroni", "", []string{filepath.Dir(conf("d/20.yml", "  data_dir: "+pg))}, true},
		"variable":  {"patroni", "A=b\x00PATRONI_POSTGRESQL_DATA_DIR=" + pg, nil, true},
		"another":   {"patroni", "", []string{conf("other.yml", "  data_dir: "+pg+"2")}, false},
		"comment":   {"patroni", "", []string{conf("comment.yml", "  # data_dir: "+pg)}, false},
		"gone":      {"patroni", "", []string{filepath.Join(etc, "gone.yml")}, false},
		"relative":  {"patroni", "", []string{"patroni", "d"}, true},
		"its file":  {"patroni", "", []string{"patroni", "main.yml"}, true},
		// What lies in the working directory of this process is nothing to it.
		"no argument": {"patroni", "PATRONI_SCOPE=a", nil, false},
		"not there":   {"patroni", "", []string{"patroni", "here"}, false},
		"an editor":   {"vi", "", []string{"vi", plain}, false},
	} {
		process := filepath.Join(proc, "42")
		require.NoError(t, os.RemoveAll(process))
		require.NoError(t, os.Mkdir(process, 0o700))
		require.NoError(t, os.Symlink(etc, filepath.Join(process, "cwd")))
		for file, content := range map[string]string{
			"comm": c.comm + "\n", "environ": c.environment, "cmdline": strings.Join(c.arguments, "\x00") + "\x00",
		} {
			require.NoError(t, os.WriteFile(filepath.Join(process, file), []byte(content), 0o600))
		}
		want := 0
		if c.keeps {
			want = 42
		}
		assert.Equal(t, want, patroniOf(proc, pg), name)
	}
	assert.Zero(t, patroniOf(filepath.Join(proc, "none"), pg))
}

// A cluster of Patroni goes back under Patroni, whose own memory of the lost one keeps it from the lead.
func TestFormation_NextOfPatroni(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, patroniState), []byte("{}"), 0o600))
	next := Formation{}.Next(dir, "/bin", OriginHere)
	assert.Contains(t, next, "if Patroni keeps it: patronictl remove")
	// Its file stays behind where Patroni was left.
	assert.Contains(t, next, "; if it does not: start it by its service, or by /bin/pg_ctl start -D "+dir)
	assert.NotContains(t, Formation{}.Next(t.TempDir(), "/bin", OriginHere), "patronictl")
	// One that was taken over by pg_auto_failover since is its own.
	next = Formation{Options: []string{"--name", "a"}}.Next(dir, "/bin", OriginHere)
	assert.Contains(t, next, "pg_autoctl create postgres")
}
