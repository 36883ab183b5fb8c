package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const cfg = `[pg_autoctl]
role = keeper
monitor = postgres://autoctl_node@monitor.example:5432/pg_auto_failover?sslmode=require
formation = default
group = 0
name = node_1
hostname = 10.0.0.1

[postgresql]
pgdata = /pg
pg_ctl = /usr/lib/postgresql/17/bin/pg_ctl
username = app
dbname = shop
port = 5433
auth_method = scram-sha-256
hba_level = lan

[ssl]
active = 1
sslmode = verify-ca
cert_file = /etc/ssl/node.crt
key_file = /etc/ssl/node.key
ca_file = /etc/ssl/ca.crt
`

// place puts a file where pg_autoctl keeps those of a data directory.
func place(t *testing.T, home, under, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(home, under, dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestReadFormation(t *testing.T) {
	home := t.TempDir()
	f, err := readFormation(home, "/srv/pg")
	require.NoError(t, err)
	assert.Equal(t, Formation{}, f)

	place(t, home, ".config/pg_autoctl", "/srv/pg", "pg_autoctl.cfg", cfg)
	state := place(t, home, ".local/share/pg_autoctl", "/srv/pg", "pg_autoctl.state", "")
	f, err = readFormation(home, "/srv/pg")
	require.NoError(t, err)
	assert.Equal(t, state, f.State)
	assert.Equal(t, `pg_autoctl create postgres --pgdata /srv/pg --pgctl /bin/pg_ctl --hostname 10.0.0.1 `+
		`--name node_1 --formation default --dbname shop --username app --pgport 5433 --auth scram-sha-256 `+
		`--pg-hba-lan --ssl-mode verify-ca --ssl-ca-file /etc/ssl/ca.crt --server-cert /etc/ssl/node.crt `+
		`--server-key /etc/ssl/node.key `+
		`--monitor "postgres://autoctl_node@monitor.example:5432/pg_auto_failover?sslmode=require"`,
		f.Next("/srv/pg", "/bin", OriginHere))

	other, err := readFormation(home, "/srv/other")
	require.NoError(t, err)
	assert.Equal(t, Formation{}, other, "another data directory is another node")
}

// The other nodes of the machine are known: those whose data directory is there, and that are not forgotten.
func TestReadFormation_Others(t *testing.T) {
	home := t.TempDir()
	dir := t.TempDir()
	const states = ".local/share/pg_autoctl"
	for _, name := range []string{"mine", "prim", "prim/below", "lost"} {
		place(t, home, states, filepath.Join(dir, name), "pg_autoctl.state", "")
	}
	place(t, home, states, filepath.Join(dir, "made"), "pg_autoctl.init", "")
	place(t, home, states+".lost-1", filepath.Join(dir, "moved"), "pg_autoctl.state", "")
	for _, name := range []string{"mine", "prim/below", "made", "moved"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o700))
	}
	f, err := readFormation(home, filepath.Join(dir, "mine"))
	require.NoError(t, err)
	assert.NotEmpty(t, f.State)
	assert.Equal(t, []string{filepath.Join(dir, "prim/below"), filepath.Join(dir, "prim")}, f.Others)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "prim")))
	f, err = readFormation(home, filepath.Join(dir, "new"))
	require.NoError(t, err)
	assert.Equal(t, Formation{Others: []string{filepath.Join(dir, "mine")}}, f)
	assert.Contains(t, f.Next(filepath.Join(dir, "new"), "/bin", OriginHere), "/bin/pg_ctl start",
		"it is none of theirs")
}

// A configuration that was moved aside is found; the newest of several; the one in its place before all.
func TestReadFormation_MovedAside(t *testing.T) {
	home := t.TempDir()
	named := func(name string) string { return "[pg_autoctl]\nname = " + name + "\n" }
	for i, name := range []string{"pg_autoctl.lost-2", "pg_autoctl.lost-1"} { // the newer has the lower name
		place(t, home, ".config/"+name, "/pg", "pg_autoctl.cfg", named(name))
		moved := begun.Add(time.Duration(i) * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(home, ".config", name), moved, moved))
	}
	f, err := readFormation(home, "/pg")
	require.NoError(t, err)
	assert.Contains(t, f.Options, "pg_autoctl.lost-1")
	place(t, home, ".config/pg_autoctl", "/pg", "pg_autoctl.cfg", named("mine"))
	old := begun.Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(home, ".config/pg_autoctl"), old, old))
	f, err = readFormation(home, "/pg")
	require.NoError(t, err)
	assert.Contains(t, f.Options, "mine")
}

func TestFormation_SSL(t *testing.T) {
	for section, want := range map[string][]string{
		"":                    {"--no-ssl"},
		"[ssl]\nactive = 0\n": {"--no-ssl"},
		"[ssl]\nactive=1\nself_signed=1\nsslmode=require\n": {"--ssl-self-signed", "--ssl-mode", "require"},
		"[ssl]\nactive=1\nsslmode=verify-full\ncrl_file=/r\nca_file=/c\n": {
			"--ssl-mode", "verify-full", "--ssl-ca-file", "/c", "--ssl-crl-file", "/r",
		},
	} {
		var f Formation
		require.NoError(t, f.parse([]byte(section)))
		assert.Equal(t, want, f.Options, section)
	}
}

// No password of a monitor's string is printed, in whatever way it is written.
func TestFormation_Secrets(t *testing.T) {
	for _, monitor := range []string{
		"postgres://autoctl_node:geheim@monitor:5432/pg_auto_failover",
		"postgresql://autoctl_node:geheim@monitor/pg_auto_failover",
		"postgres://autoctl_node:geheim@a:5432,b:5432/pg_auto_failover",
		"postgres://autoctl_node:ge:heim@geheim@monitor/x",
		"postgres://autoctl_node@monitor/pg_auto_failover?password=geheim",
		"host=monitor user=autoctl_node PassWord=geheim",
	} {
		var f Formation
		require.NoError(t, f.parse([]byte("[pg_autoctl]\nname=a\nmonitor = "+monitor+"\n")))
		printed := f.Next("/pg", "/bin", OriginHere)
		assert.NotContains(t, printed, "heim", monitor)
		assert.Contains(t, printed, "autoctl_node@$MONITOR")
	}
	for _, monitor := range []string{
		"postgres://autoctl_node@monitor:5432/pg_auto_failover?sslmode=require", "host=monitor user=autoctl_node",
		"postgres://autoctl_node@[fd00::1]:5432/pg_auto_failover",
	} {
		var f Formation
		require.NoError(t, f.parse([]byte("[pg_autoctl]\nmonitor = "+monitor+"\n")))
		assert.Equal(t, monitor, f.Monitor)
	}
}

// A cluster that pg_auto_failover knows nothing of is started as any other; one whose files tell of it, with the
// variables of the page.
func TestFormation_Next(t *testing.T) {
	dir := t.TempDir()
	assert.Contains(t, Formation{}.Next(dir, "/bin", OriginHere), "/bin/pg_ctl start -D "+dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, included), nil, 0o600))
	assert.Contains(t, Formation{}.Next(dir, "/bin", OriginHere),
		"pg_autoctl create postgres --pgdata "+dir+` --pgctl /bin/pg_ctl --hostname "$ADDRESS"`)
}

// A cluster that is restored beside the one it was taken of does not go into production, nor into the formation of a
// node that lives on this machine. Where none lives, or the directory is the cluster's own, it may.
func TestFormation_NextBeside(t *testing.T) {
	plain, dir, prim := t.TempDir(), t.TempDir(), resolved(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, included), nil, 0o600))
	patroni := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(patroni, patroniState), nil, 0o600))
	started(t, "postgres", prim)
	live, dead := Formation{Others: []string{"/none", prim}}, Formation{Others: []string{"/none", t.TempDir()}}
	own := Formation{Options: []string{"--name", "a"}, Monitor: "postgres://m/x", Others: live.Others}
	const beside, adopt, start = "-c archive_mode=off", "pg_autoctl create postgres", "take a full backup"
	for name, c := range map[string]struct {
		of   Formation
		dir  string
		from Origin
		want []string
	}{
		"production lives":                  {Formation{}, plain, OriginLives, []string{beside}},
		"it lives, under Patroni":           {Formation{}, patroni, OriginLives, []string{beside}},
		"it lives, in a formation":          {Formation{}, dir, OriginLives, []string{beside}},
		"it lives, and a cfg was found":     {own, dir, OriginLives, []string{beside}},
		"another node lives":                {live, dir, OriginElsewhere, []string{beside}},
		"another node lives, of another":    {live, dir, OriginHere, []string{adopt, beside}},
		"the node is dead":                  {dead, dir, OriginElsewhere, []string{adopt, beside}},
		"it is dead, of another":            {dead, dir, OriginHere, []string{adopt, beside}},
		"another node, of another kind":     {live, plain, OriginElsewhere, []string{start}},
		"it was on another machine":         {Formation{}, plain, OriginRemote, []string{start, beside}},
		"it was there, in a formation":      {Formation{}, dir, OriginRemote, []string{adopt, beside}},
		"nobody is here":                    {Formation{}, dir, OriginElsewhere, []string{adopt}},
		"its own configuration was moved":   {own, dir, OriginHere, []string{adopt}},
		"it was moved, and is of elsewhere": {own, dir, OriginElsewhere, []string{adopt}},
	} {
		next := c.of.Next(c.dir, "/bin", c.from)
		for _, words := range []string{beside, adopt, start} {
			assert.Equal(t, slices.Contains(c.want, words), strings.Contains(next, words), "%s: %s", name, next)
		}
		for _, words := range []string{"max_logical_replication_workers=0", "cron.launch_active_jobs=off"} {
			assert.Equal(t, slices.Contains(c.want, beside), strings.Contains(next, words), "%s: %s", name, next)
		}
		assert.NotContains(t, next, "patronictl", name)
	}
}
