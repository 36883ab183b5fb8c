package node

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

var begun = time.Date(2026, 8, 23, 4, 0, 0, 0, time.UTC)

// Each refusal, and a place like it that may be restored into.
func TestRefuse(t *testing.T) {
	dir := t.TempDir()
	of := func(change func(*Claim)) *Claim {
		now, err := identify(dir)
		require.NoError(t, err)
		c := &Claim{Data: dir, Set: "20260823-020003F", SystemID: "7", Step: Restoring, Begun: begun, identity: now}
		if change != nil {
			change(c)
		}
		return c
	}
	at := func(step Step) *Claim { return of(func(c *Claim) { c.Step = step }) }
	empty, full := Place{Exists: true}, Place{Exists: true, Entries: []string{"base"}}
	whole := full
	whole.Control = true
	like := func(p Place, change func(*Place)) Place {
		change(&p)
		return p
	}
	ours, standby := func(p *Place) { p.Ours = true }, func(p *Place) { p.Standby = true }
	changed := func(p *Place) { p.Changed = []string{"archive_command", "work_mem"} }
	sealed := func(p *Place) { p.Sealed = "read-only" }
	state := Formation{State: "/s"}
	const resume = true
	for name, c := range map[string]struct {
		place  Place
		resume bool
		claim  *Claim
		role   string
		words  string // "" is that it may
	}{
		"not there":           {},
		"empty":               {place: empty},
		"empty, resumed":      {empty, resume, of(nil), "", ""},
		"empty, a claim left": {empty, false, of(nil), "", ""},
		"empty, somebody's":   {like(empty, func(p *Place) { p.Owner = "root" }), false, nil, "", "it belongs to root"},
		"empty, no mark beside it": {
			place: like(empty, sealed), words: "nothing can be written to " + filepath.Dir(dir) + " (read-only",
		},
		"resumed, no mark beside it": {
			like(full, sealed), resume, of(nil), "", "the mark of the restore lies beside it",
		},
		"no mark beside a cluster": {
			place: like(full, func(p *Place) { p.Version, p.Sealed = "17", "read-only" }), words: "(PostgreSQL 17)",
		},
		"a server":           {Place{Process: 42}, false, nil, "", "a server works in it, process 42"},
		"a server, resumed":  {like(full, func(p *Place) { p.Process = 42 }), resume, of(nil), "", "process 42"},
		"Patroni":            {Place{Patroni: 42}, false, nil, "", "Patroni keeps it, process 42"},
		"Patroni's server":   {Place{Patroni: 42, Process: 43}, false, nil, "", "stop Patroni on every node"},
		"Patroni, resumed":   {like(full, func(p *Place) { p.Patroni = 42 }), resume, of(nil), "", "stop Patroni"},
		"a primary":          {Place{Formation: state}, false, nil, "primary", "this node as primary (/s)"},
		"a node":             {Place{Formation: state}, false, nil, "", "still knows this node (/s)"},
		"forgotten":          {place: Place{Formation: Formation{Monitor: "m", Options: []string{"--name", "a"}}}},
		"a cluster":          {like(full, func(p *Place) { p.Version = "17" }), false, nil, "", "(PostgreSQL 17)"},
		"a file":             {Place{Entries: []string{"a\nb"}}, false, nil, "", `it is not empty ("a\nb")`},
		"many files":         {Place{Entries: []string{"a", "b", "c", "d"}}, false, nil, "", `("a", "b", "c", ...)`},
		"an interrupted one": {full, false, of(nil), "", "go on with -resume, or move the directory"},
		"resumed":            {full, resume, of(nil), "", ""},
		"resumed without":    {full, resume, nil, "", "no restore was interrupted here"},
		"another inode":      {full, resume, of(func(c *Claim) { c.Inode++ }), "", "another directory"},
		"made again":         {full, resume, of(func(c *Claim) { c.Born++ }), "", "another directory"},
		"a mark of before":   {full, resume, of(func(c *Claim) { c.Born = 0 }), "", ""},
		"another cluster":    {full, resume, of(func(c *Claim) { c.SystemID = "8" }), "", "identifier 8"},
		"holds another cluster": {
			like(whole, func(p *Place) { p.Recovery, p.SystemID = true, "8" }), resume, of(nil), "",
			"it holds another cluster, with system identifier 8, and the backup is of 7",
		},
		"holds the same": {like(whole, func(p *Place) { p.Recovery, p.SystemID = true, "7" }), resume, of(nil), "", ""},
		"somebody started it": {
			like(whole, func(p *Place) { p.Recovery, p.Theirs = true, true }), resume, at(Recovering), "",
			"somebody has started it since (postmaster.opts)",
		},
		"another map": {
			full, resume, of(func(c *Claim) { c.Maps = []string{"link-map=pg_wal=/w"} }), "",
			"link-map=pg_wal=/w then, none now",
		},
		"another set": {
			full, resume, of(func(c *Claim) { c.Set = "20260816-020003F" }), "", "add -set 20260816-020003F",
		},
		"in replay":          {like(whole, func(p *Place) { p.Recovery = true }), resume, at(Recovering), "", ""},
		"used after replay":  {whole, resume, at(Recovering), "", "its recovery has ended since"},
		"replay went on":     {like(whole, ours), resume, at(Recovering), "", ""},
		"recovered":          {like(whole, ours), resume, at(Recovered), "", ""},
		"recovered and used": {whole, resume, at(Recovered), "", "may have been used since"},
		"used, and changed yet": {
			like(whole, changed), resume, at(Recovered), "",
			`take "# not in the drill: " off its lines in ` + dir + `/postgresql.auto.conf (archive_command, work_mem)`,
		},
		"used after replay, and changed yet": {
			like(whole, changed), resume, at(Recovering), "", "postgresql.auto.conf (archive_command, work_mem)",
		},
		"used, what the checks made": {whole, resume, at(Recovered), "", "whose names begin with veza_drill_"},
		"used, and it runs": {
			like(whole, func(p *Place) { p.Process, p.Changed = 42, []string{"archive_command"} }), resume,
			at(Recovered), "",
			"process 42, and the cluster may have been used since it was restored: go on with it: take",
		},
		"used, limits lifted": {
			whole, resume, of(func(c *Claim) {
				c.Step = Recovered
				c.Limits = []postgres.ConnectionLimit{
					{OID: 5, Database: `a"b`, Limit: 0}, {OID: 6, Database: "c", Limit: 7},
				}
			}), "",
			`give databases their connection limits back (ALTER DATABASE "a""b" CONNECTION LIMIT 0; ` +
				`ALTER DATABASE "c" CONNECTION LIMIT 7 of ` + ClaimFile(dir) + `), drop in every`,
		},
		"used, records changed": {
			whole, resume, of(func(c *Claim) { c.Step, c.Late = Recovered, []Late{{Dir: "/srv/fast"}} }), "",
			"away, and take a full backup at once",
		},
		"at work yet": {
			like(whole, func(p *Place) { p.Process, p.Ours = 42, true }), resume, at(Recovered), "",
			"process 42: stop it first",
		},
		"a standby": {like(whole, standby), resume, at(Recovering), "", "a standby since"},
	} {
		t.Run(name, func(t *testing.T) {
			c.place.Dir = dir
			err := c.place.Refuse(Asked{Resume: c.resume, SystemID: "7", Set: "20260823-020003F"}, c.claim, c.role)
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

// What a path is refused for, before anybody looks into it.
func TestLook_Path(t *testing.T) {
	dir := resolved(t)
	made := func(name string, directory bool) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		if directory {
			require.NoError(t, os.MkdirAll(path, 0o700))
		} else {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
		return path
	}
	made("cluster/PG_VERSION", false)
	made("broken/global/pg_control", false)
	made("wal/archive_status", true)
	made("fast/PG_17_202406281", true)
	made("big/base/5/pg_filenode.map", false)
	made("big/base/5/PG_VERSION", false)
	require.NoError(t, os.Symlink(dir+"/nothing", dir+"/dangling"))
	require.NoError(t, os.Symlink(made("cluster/base", true), dir+"/into"))
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
		dir + "/fast/new":                  "belongs to one: " + dir + "/fast",
		dir + "/big/base/new":              "belongs to one: " + dir + "/big/base",
		made("ts/PG_17_202406281/5", true): "it lies inside a cluster",
		made("file", false):                "is no directory",
	} {
		_, err := Look(path, dir)
		require.ErrorContains(t, err, words, path)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why)
	}
	made("home/15/main/PG_VERSION", false) // Debian's
	made("home/16/PG_VERSION", false)      // a data directory that is named so
	made("home/16/global/pg_control", false)
	made("home/17/pg_filenode.map", false)
	made("home/PG_17", true)
	made("home/PG_17_202406281", false) // a file
	may := []string{
		dir + "/new", dir + "/new/", made("old dir", true), dir + "/old dir/../new", dir + "/PG_17",
		dir + "/home/new", dir + "/home/15/new", dir + "/big/new", made("beside/fast", true), dir + "/fast.new",
	}
	for _, path := range may {
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

// A tablespace of the cluster itself may lie above its data directory: a restore that was interrupted has begun it.
func TestLook_OwnTablespaceAbove(t *testing.T) {
	dir := resolved(t)
	pg := filepath.Join(dir, "pg")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "PG_17_202406281"), 0o700))
	_, err := Look(pg, dir)
	require.ErrorContains(t, err, "belongs to one: "+dir)
	require.NoError(t, os.WriteFile(ClaimFile(pg), nil, 0o600))
	_, err = Look(pg, dir)
	require.ErrorContains(t, err, "belongs to one: "+dir, "a mark that says nothing yet")
	require.NoError(t, os.WriteFile(ClaimFile(pg), []byte(`{"step":"restoring"}`), 0o600))
	_, err = Look(pg, dir)
	require.NoError(t, err)
}

func resolved(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

// Whether the mark can be made is known before anything is: it is what making a file there would say.
func TestLook_Sealed(t *testing.T) {
	dir := resolved(t)
	for mode, name := range map[os.FileMode]string{0o700: "open", 0o500: "sealed"} {
		above := filepath.Join(dir, name)
		require.NoError(t, os.Mkdir(above, mode))
		p, err := Look(filepath.Join(above, "pg"), dir)
		require.NoError(t, err)
		assert.Equal(t, os.WriteFile(filepath.Join(above, "mark"), nil, 0o600) != nil, p.Sealed != "", name)
	}
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
	write("postgresql.auto.conf", "# not in the drill: archive_command = 'x'\nrestore_command = 'y'\n")
	write("postmaster.pid", "1\n"+dir+"\n") // a process of that number is no server
	write("postmaster.opts", `/bin/postgres "-c" "config_file=/etc/postgresql/postgresql.conf"`)
	p, err := Look(dir, dir)
	require.NoError(t, err)
	assert.Equal(t, "17", p.Version)
	assert.Equal(t, []string{"archive_command"}, p.Changed)
	assert.True(t, p.Control && p.Recovery && !p.Standby && !p.Ours && p.Theirs)
	assert.Zero(t, p.Process)

	write("postmaster.opts", `/bin/postgres "-D" "/d" "-c" `+
		`"config_file=/tmp/veza-drill-demo-restore-5f198269a5c46a54/etc/postgresql.conf"`)
	p, err = Look(dir, dir)
	require.NoError(t, err)
	assert.True(t, p.Ours && !p.Theirs)
	// A drill's, and no run's.
	for _, other := range []string{"veza-drill-demo-5f198269a5c46a54", "veza-drill-demo-restore-5f19"} {
		write("postmaster.opts", `"config_file=/tmp/`+other+`/etc/postgresql.conf"`)
		p, err = Look(dir, dir)
		require.NoError(t, err)
		assert.False(t, p.Ours, other)
	}
}

// What a file that was cut, or came back from a crash as zeros, says of a cluster: nothing.
func TestLook_WhoseCluster(t *testing.T) {
	dir := filepath.Join(resolved(t), "pg")
	require.NoError(t, os.MkdirAll(dir+"/global", 0o700))
	id := binary.NativeEndian.AppendUint64(nil, 7690539153158424173)
	const theirs = `/usr/lib/postgresql/15/bin/postgres "-D" "/pg"`
	for name, c := range map[string]struct {
		control []byte
		options string
		id      string
		theirs  bool
	}{
		"whole":  {append(id, make([]byte, 8184)...), theirs, "7690539153158424173", true},
		"cut":    {id[:7], "", "", false},
		"zeros":  {make([]byte, 8192), string(make([]byte, 60)), "", false},
		"nobody": {id, "\n", "7690539153158424173", false},
	} {
		require.NoError(t, os.WriteFile(dir+"/global/pg_control", c.control, 0o600))
		require.NoError(t, os.WriteFile(dir+"/postmaster.opts", []byte(c.options), 0o600))
		p, err := Look(dir, dir)
		require.NoError(t, err)
		assert.Equal(t, c.id, p.SystemID, name)
		assert.Equal(t, c.theirs, p.Theirs, name)
		assert.False(t, p.Ours, name)
	}
}

// A tablespace's directory is made, or was empty; what is in one stays.
func TestMakeAs(t *testing.T) {
	dir := t.TempDir()
	const nobodys = false
	require.NoError(t, MakeAs(dir+"/new", dir, nobodys))
	require.NoError(t, MakeAs(dir+"/new", dir, nobodys), "it is empty")
	require.NoError(t, os.WriteFile(dir+"/new/file", nil, 0o600))
	require.ErrorContains(t, MakeAs(dir+"/new", dir, nobodys), `it is not empty ("file")`)
	require.Error(t, MakeAs(dir+"/none/new", dir, nobodys))
	require.Error(t, MakeAs(dir+"/new/file", dir, nobodys))
	require.NoError(t, os.Symlink(dir+"/elsewhere", dir+"/link"))
	require.Error(t, MakeAs(dir+"/link", dir, nobodys))
}

// What a restore has replayed into a tablespace that it found empty is no stranger's; anything else is, and so is the
// same in a directory of that name that is another one, or was replayed to another end.
func TestMakeAs_Replayed(t *testing.T) {
	dir := t.TempDir()
	late := dir + "/late"
	require.NoError(t, MakeAs(late, dir, false))
	c := &Claim{Data: dir}
	assert.False(t, c.Replayed(late, "end"))
	c.Replays(late, "end")
	require.NoError(t, os.MkdirAll(late+"/PG_17_202406281/5", 0o700))
	assert.True(t, c.Replayed(late, "end"))
	assert.False(t, c.Replayed(late, "time:2026"))
	assert.False(t, c.Replayed(dir, "end"))
	require.ErrorContains(t, MakeAs(late, dir, false), `it is not empty ("PG_17_202406281")`)
	require.NoError(t, MakeAs(late, dir, true))
	require.NoError(t, os.WriteFile(late+"/file", nil, 0o600))
	require.ErrorContains(t, MakeAs(late, dir, true), "it is not empty")

	require.NoError(t, os.Rename(late, late+".first"))
	require.NoError(t, os.Mkdir(late, 0o700))
	assert.False(t, c.Replayed(late, "end"), "another directory")
	c.Replays(late, "end")
	assert.True(t, c.Replayed(late, "end"))
	assert.Len(t, c.Late, 1)
}

// What pgBackRest leaves when it is stopped before its first file.
func TestNothingFinished(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/base/1", 0o700))
	require.NoError(t, os.Symlink("/wal", dir+"/pg_wal"))
	require.NoError(t, os.WriteFile(dir+"/backup.manifest.pgbackrest.tmp", nil, 0o600))
	require.NoError(t, os.WriteFile(dir+"/.backup.manifest4711", nil, 0o600))
	nothing, err := NothingFinished(dir)
	require.NoError(t, err)
	assert.True(t, nothing)
	require.NoError(t, os.WriteFile(dir+"/base/1/2600", nil, 0o600))
	nothing, err = NothingFinished(dir)
	require.NoError(t, err)
	assert.False(t, nothing)
}
