package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// made makes a file, or a directory where the name ends with a slash, and all above it.
func made(t *testing.T, path string) {
	t.Helper()
	if above := filepath.Dir(path); !exists(above, "") {
		made(t, filepath.Dir(above)+"/")
		require.NoError(t, os.Mkdir(above, 0o700))
		_ = own(above) // there may be no such user
	}
	if !strings.HasSuffix(path, "/") {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
}

// tablespace and link are targets of a set.
func tablespace(dir string) pgbackrest.ManifestTarget {
	return pgbackrest.ManifestTarget{
		Name: "pg_tblspc/16384", Path: dir, TablespaceID: "16384", TablespaceName: "fast",
	}
}

func link(dir, file string) pgbackrest.ManifestTarget {
	return pgbackrest.ManifestTarget{Name: "pg_data/pg_wal", Path: dir, File: file}
}

// Each refusal of a place apart from the data directory, and one like it that may be restored into.
func TestTargets_Refuse(t *testing.T) {
	for name, c := range map[string]struct {
		there  []string // below the directory of all
		target pgbackrest.ManifestTarget
		words  string // "" is that it may
	}{
		"not there":               {nil, tablespace("ts"), ""},
		"its parent neither":      {nil, tablespace("a/b/ts"), ""},
		"empty":                   {[]string{"ts/"}, tablespace("ts"), ""},
		"a new file system":       {[]string{"ts/lost+found/"}, tablespace("ts"), ""},
		"a file of that name":     {[]string{"ts/lost+found"}, tablespace("ts"), `is not empty ("lost+found")`},
		"a link to a new one":     {[]string{"wal/lost+found/"}, link("wal", ""), `is not empty ("lost+found")`},
		"of another cluster":      {[]string{"ts/PG_15_1/"}, tablespace("ts"), `is not empty ("PG_15_1")`},
		"of the release before":   {[]string{"ts/PG_14_202107181/5/"}, tablespace("ts"), ""},
		"a file called so":        {[]string{"ts/PG_14_1"}, tablespace("ts"), `is not empty ("PG_14_1")`},
		"WAL, and that":           {[]string{"wal/PG_14_1/"}, link("wal", ""), `is not empty ("PG_14_1")`},
		"a filer's":               {[]string{"ts/.snapshot/hourly/"}, tablespace("ts"), ""},
		"ZFS":                     {[]string{"ts/.zfs/"}, tablespace("ts"), ""},
		"a file called .zfs":      {[]string{"ts/.zfs"}, tablespace("ts"), `is not empty (".zfs")`},
		"anything":                {[]string{"ts/.keep"}, tablespace("ts"), "where tablespace fast goes, is not empty"},
		"the data directory":      {[]string{"ts/pg/"}, tablespace("ts"), ""},
		"another, beside it":      {[]string{"ts/pg/", "ts/pg2/"}, tablespace("ts"), `is not empty ("pg2")`},
		"a file":                  {[]string{"ts"}, tablespace("ts"), "is no directory"},
		"a cluster":               {[]string{"ts/PG_VERSION"}, tablespace("ts"), `is not empty ("PG_VERSION")`},
		"inside a cluster":        {[]string{"c/PG_VERSION"}, tablespace("c/ts"), "lies inside a cluster"},
		"inside one, by a link":   {[]string{"c/PG_VERSION", "c/in/"}, tablespace("into/ts"), "lies inside a cluster"},
		"WAL inside a cluster":    {[]string{"c/PG_VERSION"}, link("c/wal", ""), "map it elsewhere (link-map)"},
		"WAL that is there":       {[]string{"wal/", "wal/a/"}, link("wal", ""), "where the link pg_wal leads, is not"},
		"WAL, empty":              {[]string{"wal/"}, link("wal", ""), ""},
		"a file that is there":    {[]string{"etc/hba"}, link("etc", "hba"), "/etc/hba is there, and the"},
		"beside other files":      {[]string{"etc/ident"}, link("etc", "hba"), ""},
		"a file of a cluster":     {[]string{"c/PG_VERSION"}, link("c", "hba"), "lies inside a cluster"},
		"a file in no directory":  {nil, link("etc", "hba"), ""},
		"WAL, another's":          {[]string{"wal/"}, link("wal", ""), "belongs to "},
		"a tablespace, another's": {[]string{"ts/"}, tablespace("ts"), ""}, // it may let others write
	} {
		dir := resolved(t)
		for _, path := range c.there {
			made(t, dir+"/"+path)
		}
		require.NoError(t, os.Symlink(dir+"/c/in", dir+"/into"))
		if strings.HasSuffix(name, ", another's") {
			if os.Geteuid() != 0 {
				continue
			}
			require.NoError(t, os.Chown(dir+"/"+c.target.Path, 1, 1))
		}
		c.target.Path = dir + "/" + c.target.Path
		data := dir + "/pg"
		if name == "the data directory" || name == "another, beside it" {
			data = dir + "/ts/pg"
		}
		err := Targets{Data: data, Major: "15", List: []pgbackrest.ManifestTarget{c.target}}.Refuse(nil)
		if c.words == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.words, name)
		assert.NotContains(t, err.Error(), "\n")
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, name)
	}
}

// Of which release a set is, its tablespaces say.
func TestMajorOf(t *testing.T) {
	paths := []string{"pg_data", "pg_data/PG_13_1", "pg_tblspc", "pg_tblspc/16384", "pg_tblspc/16384/PG_15_202209061"}
	assert.Equal(t, "15", majorOf(pgbackrest.Manifest{Paths: paths}))
	assert.Empty(t, majorOf(pgbackrest.Manifest{Paths: paths[:4]}))
	dir := resolved(t)
	made(t, dir+"/ts/PG_14_202107181/")
	unknown := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}}
	require.ErrorContains(t, unknown.Refuse(nil), "is not empty", "it may be the set's")
}

// What a restore that is taken up finds is the rest of it only in the directories that it began in.
func TestTargets_RefuseResumed(t *testing.T) {
	dir := resolved(t)
	both := []pgbackrest.ManifestTarget{tablespace(dir + "/ts"), link(dir+"/etc", "hba")}
	ts := Targets{Data: dir + "/pg", List: both}
	made(t, dir+"/pg/PG_VERSION")
	made(t, dir+"/ts/")
	made(t, dir+"/etc/")
	c := &Claim{Data: dir + "/pg", Begun: begun}
	c.Remember(ts)
	require.Len(t, c.Apart, 2)
	made(t, dir+"/ts/PG_15_202209061/5/16385")
	made(t, dir+"/etc/hba")
	require.NoError(t, ts.Refuse(c), "its own")
	require.Error(t, ts.Refuse(nil), "one that begins")

	require.NoError(t, os.Rename(dir+"/ts", dir+"/away"))
	require.NoError(t, ts.Refuse(c), "nothing is there")
	require.NoError(t, os.Mkdir(dir+"/ts", 0o700))
	require.NoError(t, ts.Refuse(c), "another, with nothing in it")
	made(t, dir+"/ts/PG_15_202209061/5/16385")
	err := ts.Refuse(c)
	require.ErrorContains(t, err, "another directory than the one that was being restored into on 2026-08-23T04:00:00Z")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	require.NoError(t, ts.Refuse(&Claim{Data: c.Data}), "a mark of before, which does not say")

	require.NoError(t, os.RemoveAll(dir+"/ts"))
	require.NoError(t, os.Rename(dir+"/away", dir+"/ts"))
	require.NoError(t, ts.Refuse(c), "it is back")
	require.NoError(t, os.Rename(dir+"/etc", dir+"/etc.first"))
	made(t, dir+"/etc/hba")
	require.ErrorContains(t, ts.Refuse(c), "-resume: "+dir+"/etc/hba is there")
}

// A directory that was made again is another one, also where it got the number of the first.
func TestIdentity(t *testing.T) {
	first := identity{Inode: 2, Born: 5}
	assert.True(t, first.is(first))
	assert.False(t, first.is(identity{Inode: 2, Born: 6}))
	assert.False(t, first.is(identity{Inode: 3, Born: 5}))
	assert.True(t, first.is(identity{Inode: 2}), "when is not known")
	assert.True(t, identity{Inode: 2}.is(first))

	s := unix.Statx_t{Ino: 2, Mask: unix.STATX_INO | unix.STATX_BTIME, Btime: unix.StatxTimestamp{Sec: 1, Nsec: 5}}
	assert.Equal(t, identity{Inode: 2, Born: 1e9 + 5}, identityOf(s, unix.EXT4_SUPER_MAGIC))
	s.Btime.Sec = 7 // copied up, where a container writes to what its image has
	assert.Equal(t, identity{Inode: 2}, identityOf(s, unix.OVERLAYFS_SUPER_MAGIC))
	s.Mask = unix.STATX_INO
	assert.Equal(t, identity{Inode: 2}, identityOf(s, unix.EXT4_SUPER_MAGIC))

	dir := t.TempDir()
	now, err := identify(dir)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(dir, dir+"/link"))
	through, err := identify(dir + "/link")
	require.NoError(t, err)
	assert.Equal(t, now, through)
	require.NoError(t, os.WriteFile(dir+"/file", nil, 0o600))
	again, err := identify(dir)
	require.NoError(t, err)
	assert.Equal(t, now, again, "what is in it changes nothing")
	_, err = identify(dir + "/none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Which directory has to let a missing one be made.
func TestTargets_Missing(t *testing.T) {
	dir := resolved(t)
	made(t, dir+"/ts/")
	ts := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts"), link(dir+"/a/wal", "")}}
	assert.Equal(t, map[string]string{dir + "/ts": dir + "/ts", dir + "/a/wal": dir}, ts.Missing())
}
