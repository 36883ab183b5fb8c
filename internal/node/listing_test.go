package node

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// shut makes directories that this process may not read until the test ends. Root is nobody to the file system
// meanwhile, as it is over NFS: this thread is, and goes with the test.
func shut(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		require.NoError(t, os.Chmod(dir, 0))
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	_, err := unix.SetfsuidRetUid(65534)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = unix.SetfsuidRetUid(0) })
}

// passable is a directory that anybody may look into.
func passable(t *testing.T) string {
	t.Helper()
	dir := resolved(t)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// A directory that only the user who runs PostgreSQL may read is looked into as that user; what they find decides.
func TestTargets_Refuse_Shut(t *testing.T) {
	dir := passable(t)
	made(t, dir+"/ts/")
	made(t, dir+"/etc/")
	shut(t, dir+"/ts", dir+"/etc")
	ts := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}}
	require.ErrorIs(t, ts.Refuse(nil), os.ErrPermission, "nobody can be asked")
	var has []Listed
	ts.Ask = func(asked string, deep bool) ([]Listed, error) {
		assert.False(t, deep)
		assert.Contains(t, []string{dir + "/ts", dir + "/etc"}, asked)
		return has, nil
	}
	require.NoError(t, ts.Refuse(nil))
	has = []Listed{{Name: "lost+found", Dir: true}}
	require.NoError(t, ts.Refuse(nil))
	has = []Listed{{Name: "hba"}}
	require.ErrorContains(t, ts.Refuse(nil), `is not empty ("hba")`)
	ts.List = []pgbackrest.ManifestTarget{link(dir+"/etc", "hba")}
	if os.Geteuid() != 0 { // else it is somebody else's to this process
		require.ErrorContains(t, ts.Refuse(nil), "/etc/hba is there")
		has = []Listed{{Name: "ident"}}
		require.NoError(t, ts.Refuse(nil))
	}
	ts.Ask = func(string, bool) ([]Listed, error) { return nil, errors.New("find failed") }
	ts.List = []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}
	require.ErrorContains(t, ts.Refuse(nil), "find failed")
}

// What delta would remove is found where only the user who runs PostgreSQL may read.
func TestTargets_RefuseStrays_Shut(t *testing.T) {
	dir := passable(t)
	for _, name := range []string{"pg/", "ts/", "wal/"} {
		made(t, dir+"/"+name)
	}
	require.NoError(t, os.Chmod(dir+"/pg", 0o755))
	shut(t, dir+"/ts", dir+"/wal")
	const version = "PG_15_202209061"
	known := KnownOf(pgbackrest.Manifest{
		Files: []pgbackrest.ManifestFile{{Name: "pg_tblspc/16384/" + version + "/5/16385"}},
		Paths: []string{
			"pg_data", "pg_data/pg_wal", "pg_tblspc/16384", "pg_tblspc/16384/" + version,
			"pg_tblspc/16384/" + version + "/5",
		},
	})
	ts := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts"), link(dir+"/wal", "")}}
	rest := &Claim{Apart: []Apart{}}
	require.ErrorIs(t, ts.RefuseStrays(known, rest), os.ErrPermission, "nobody can be asked")
	has := map[string][]Listed{
		dir + "/ts":            {{version, true}, {"theirs", true}},
		dir + "/ts/" + version: {{"5", true}, {"5/16385", false}},
		dir + "/wal":           nil,
	}
	ts.Ask = func(asked string, _ bool) ([]Listed, error) { return has[asked], nil }
	require.NoError(t, ts.RefuseStrays(known, rest))
	has[dir+"/wal"] = []Listed{{"keep", true}, {"keep/a", false}, {"keep/b", false}, {"kept", false}}
	require.ErrorContains(t, ts.RefuseStrays(known, rest), `("`+dir+`/wal/keep", "`+dir+`/wal/kept")`)
	has[dir+"/ts/"+version] = append(has[dir+"/ts/"+version], Listed{"5/mine", false})
	err := ts.RefuseStrays(known, rest)
	require.ErrorContains(t, err, version+`/5/mine"`)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
}
