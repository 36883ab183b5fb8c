package node

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

var begun = time.Date(2026, 8, 23, 4, 0, 0, 0, time.UTC)

// Each refusal, and a place like it that may be restored into.
func TestRefuse(t *testing.T) {
	dir := t.TempDir()
	of := func(change func(*Claim)) *Claim {
		c := &Claim{Data: dir, Set: "20260823-020003F", SystemID: "7", Step: Restoring, Begun: begun, Inode: inodeOf(t, dir)}
		if change != nil {
			change(c)
		}
		return c
	}
	at := func(step Step) *Claim { return of(func(c *Claim) { c.Step = step }) }
	some := []string{"base"}
	for name, c := range map[string]struct {
		place  Place
		resume bool
		claim  *Claim
		role   string
		words  string // "" is that it may
	}{
		"not there":            {},
		"empty":                {place: Place{Exists: true}},
		"empty, resumed":       {place: Place{Exists: true}, resume: true, claim: of(nil)},
		"empty, a claim left":  {place: Place{Exists: true}, claim: of(nil)},
		"empty, somebody's":    {place: Place{Exists: true, Owner: "root"}, words: "it belongs to root"},
		"a server":             {place: Place{Process: 42}, words: "a server works in it, process 42"},
		"a server, resumed":    {place: Place{Process: 42, Entries: some}, resume: true, claim: of(nil), words: "process 42"},
		"a primary":            {place: Place{Formation: Formation{State: "/s"}}, role: "primary", words: "this node as primary (/s)"},
		"a node":               {place: Place{Formation: Formation{State: "/s"}}, words: "still knows this node (/s)"},
		"forgotten":            {place: Place{Formation: Formation{Monitor: "m", Options: []string{"--name", "a"}}}},
		"a cluster":            {place: Place{Entries: some, Version: "17"}, words: "it holds a cluster (PostgreSQL 17)"},
		"a file":               {place: Place{Entries: []string{"a\nb"}}, words: `it is not empty ("a\nb")`},
		"many files":           {place: Place{Entries: []string{"a", "b", "c", "d"}}, words: `("a", "b", "c", ...)`},
		"an interrupted one":   {place: Place{Entries: some}, claim: of(nil), words: "go on with -resume, or move the directory"},
		"resumed":              {place: Place{Entries: some}, resume: true, claim: of(nil)},
		"resumed without":      {place: Place{Entries: some}, resume: true, words: "no restore was interrupted here"},
		"another inode":        {place: Place{Entries: some}, resume: true, claim: of(func(c *Claim) { c.Inode++ }), words: "another directory"},
		"another cluster":      {place: Place{Entries: some}, resume: true, claim: of(func(c *Claim) { c.SystemID = "8" }), words: "identifier 8"},
		"in replay":            {place: Place{Entries: some, Control: true, Recovery: true}, resume: true, claim: at(Recovering)},
		"used after replay":    {place: Place{Entries: some, Control: true}, resume: true, claim: at(Recovering), words: "its recovery has ended since"},
		"replay went on":       {place: Place{Entries: some, Control: true, Ours: true}, resume: true, claim: at(Recovering)},
		"recovered":            {place: Place{Entries: some, Control: true, Ours: true}, resume: true, claim: at(Recovered)},
		"recovered and used":   {place: Place{Entries: some, Control: true}, resume: true, claim: at(Recovered), words: "may have been used since"},
		"a standby":            {place: Place{Entries: some, Control: true, Standby: true, Recovery: true}, resume: true, claim: at(Recovering), words: "a standby since"},
		"standby before files": {place: Place{Entries: some}, resume: true, claim: at(Restoring)},
	} {
		t.Run(name, func(t *testing.T) {
			c.place.Dir = dir
			err := c.place.Refuse(Asked{Resume: c.resume, SystemID: "7"}, c.claim, c.role)
			if c.words == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.words)
			assert.NotContains(t, err.Error(), "\n")
			why, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, why)
		})
	}
}

func inodeOf(t *testing.T, dir string) uint64 {
	t.Helper()
	info, err := os.Stat(dir)
	require.NoError(t, err)
	return inode(info)
}

// What a path is refused for, before anybody looks into it.
func TestLook_Path(t *testing.T) {
	dir := resolved(t)
	make := func(name string, directory bool) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		if directory {
			require.NoError(t, os.MkdirAll(path, 0o700))
		} else {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
		return path
	}
	make("cluster/PG_VERSION", false)
	make("broken/global/pg_control", false)
	make("wal/archive_status", true)
	require.NoError(t, os.Symlink(dir+"/nothing", dir+"/dangling"))
	require.NoError(t, os.Symlink(make("cluster/base", true), dir+"/into"))
	for path, words := range map[string]string{
		"":                                 "name the data directory",
		"pg":                               "must be absolute",
		"/":                                "a directory of its own",
		"/srv":                             "a directory of its own",
		"/srv/..":                          "a directory of its own",
		dir + "/a$b":                       "commands would not take",
		dir + "/a b\n":                     "commands would not take",
		dir + "/dangling":                  "link to what is not there",
		dir + "/none/pg":                   "the directory above it must exist",
		dir + "/cluster/PG_VERSION":        "it lies inside a cluster",
		dir + "/cluster/new":               "it lies inside a cluster",
		dir + "/cluster/base":              "it lies inside a cluster",
		dir + "/into":                      "it lies inside a cluster",
		dir + "/broken/global/x":           "it lies inside a cluster",
		dir + "/wal/archive_status":        "it lies inside a cluster",
		make("ts/PG_17_202406281/5", true): "it lies inside a cluster",
		make("file", false):                "is no directory",
	} {
		_, err := Look(path, dir)
		require.ErrorContains(t, err, words, path)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why)
	}
	for _, path := range []string{dir + "/new", dir + "/new/", make("old dir", true), dir + "/old dir/../new", dir + "/PG_17"} {
		p, err := Look(path, dir)
		require.NoError(t, err, path)
		assert.Empty(t, p.Entries)
		assert.Positive(t, p.Free)
	}
	require.NoError(t, os.Symlink(dir+"/old dir", dir+"/link"))
	p, err := Look(dir+"/link", dir)
	require.NoError(t, err)
	assert.Equal(t, dir+"/old dir", p.Dir)
}

func resolved(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

// What is seen of a cluster.
func TestLook_Cluster(t *testing.T) {
	dir := filepath.Join(resolved(t), "pg")
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("PG_VERSION", "17\n")
	write("global/pg_control", "")
	write("recovery.signal", "")
	write("postmaster.pid", "1\n"+dir+"\n") // a process of that number is no server
	write("postmaster.opts", `/bin/postgres "-c" "config_file=/etc/postgresql/postgresql.conf"`)
	p, err := Look(dir, dir)
	require.NoError(t, err)
	assert.Equal(t, "17", p.Version)
	assert.True(t, p.Control && p.Recovery && !p.Standby && !p.Ours)
	assert.Zero(t, p.Process)

	write("postmaster.opts",
		`/bin/postgres "-D" "/d" "-c" "config_file=/tmp/veza-drill-demo-restore-5f198269a5c46a54/etc/postgresql.conf"`)
	p, err = Look(dir, dir)
	require.NoError(t, err)
	assert.True(t, p.Ours)
	for _, other := range []string{"veza-drill-demo-5f198269a5c46a54", "veza-drill-demo-restore-5f19"} { // a drill's; no run's
		write("postmaster.opts", `"config_file=/tmp/`+other+`/etc/postgresql.conf"`)
		p, err = Look(dir, dir)
		require.NoError(t, err)
		assert.False(t, p.Ours, other)
	}
}

// A tablespace's directory is made, or was empty; what is in one stays.
func TestMakeAs(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, MakeAs(dir+"/new", dir))
	require.NoError(t, MakeAs(dir+"/new", dir), "it is empty")
	require.NoError(t, os.WriteFile(dir+"/new/file", nil, 0o600))
	require.ErrorContains(t, MakeAs(dir+"/new", dir), `it is not empty ("file")`)
	require.Error(t, MakeAs(dir+"/none/new", dir))
	require.Error(t, MakeAs(dir+"/new/file", dir))
	require.NoError(t, os.Symlink(dir+"/elsewhere", dir+"/link"))
	require.Error(t, MakeAs(dir+"/link", dir))
}

// What pgBackRest leaves when it is stopped before its first file.
func TestNothingFinished(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/base/1", 0o700))
	require.NoError(t, os.Symlink("/wal", dir+"/pg_wal"))
	require.NoError(t, os.WriteFile(dir+"/backup.manifest.pgbackrest.tmp", nil, 0o600))
	nothing, err := NothingFinished(dir)
	require.NoError(t, err)
	assert.True(t, nothing)
	require.NoError(t, os.WriteFile(dir+"/base/1/2600", nil, 0o600))
	nothing, err = NothingFinished(dir)
	require.NoError(t, err)
	assert.False(t, nothing)
}
