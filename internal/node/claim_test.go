package node

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// One run has the claim; another is refused until it is released, and then reads how far the first came.
func TestClaim(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	require.NoError(t, os.Mkdir(dir, 0o700))
	none, err := ReadClaim(dir)
	require.NoError(t, err)
	assert.Nil(t, none)

	c, err := Take(dir)
	require.NoError(t, err)
	none, err = ReadClaim(dir) // nothing is said yet, as after a kill at this moment
	require.NoError(t, err)
	assert.Nil(t, none)
	c.Stanza, c.Set, c.SystemID, c.Begun = "demo", "20260823-020003F", "7", begun
	for _, step := range []Step{Restoring, Recovering, Recovered} {
		require.NoError(t, c.Say(step))
		said, unread := ReadClaim(dir)
		require.NoError(t, unread)
		assert.Equal(t, step, said.Step)
		assert.True(t, said.Of(dir))
		assert.Equal(t, dir, said.Data)
		_, err = Take(dir)
		require.ErrorContains(t, err, "is at work, begun 2026-08-23T04:00:00Z with backup set 20260823-020003F")
		why, _ := reason.Of(err)
		assert.Equal(t, reason.Locked, why)
	}
	info, err := os.Stat(ClaimFile(dir))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	require.NoError(t, c.Release())
	c, err = Take(dir)
	require.NoError(t, err)
	require.NoError(t, c.Drop())
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	assert.Len(t, left, 1, "the data directory alone")
}

// A lock on a file that another run has taken away meanwhile is none.
func TestTake_AFileThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	first, err := Take(dir)
	require.NoError(t, err)
	require.NoError(t, os.Remove(ClaimFile(dir)))
	assert.False(t, current(first.held, ClaimFile(dir)))
	second, err := Take(dir)
	require.NoError(t, err)
	assert.False(t, current(first.held, ClaimFile(dir)))
	assert.True(t, current(second.held, ClaimFile(dir)))
}

// A run that was killed while it wrote leaves a file beside, which is in nobody's way.
func TestSay_AfterAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	require.NoError(t, os.WriteFile(ClaimFile(dir)+".new", []byte("half"), 0o400))
	c, err := Take(dir)
	require.NoError(t, err)
	require.NoError(t, c.Say(Restoring))
	require.NoFileExists(t, ClaimFile(dir)+".new")
}

// What is no claim is named, and read as none by nobody.
func TestReadClaim_Refuses(t *testing.T) {
	for name, write := range map[string]func(path string) error{
		"cut":         func(path string) error { return os.WriteFile(path, []byte(`{"step": "rec`), 0o600) },
		"blank":       func(path string) error { return os.WriteFile(path, []byte("\x00\x00\x00"), 0o600) },
		"another":     func(path string) error { return os.WriteFile(path, []byte(`{"inode": "one"}`), 0o600) },
		"a link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		dir := filepath.Join(t.TempDir(), "pg")
		require.NoError(t, write(ClaimFile(dir)), name)
		c, err := ReadClaim(dir)
		assert.Nil(t, c, name)
		require.ErrorContains(t, err, "move it away", name)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, name)
	}
	dir := filepath.Join(t.TempDir(), "pg")
	require.NoError(t, unix.Mkfifo(ClaimFile(dir), 0o600))
	_, err := ReadClaim(dir) // waits for nobody who would write
	require.NoError(t, err)
}

// A mark that somebody else made, as root does, says who: nothing that is restored has to be thrown away.
func TestReadClaim_SomebodyElses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	denied := &fs.PathError{Op: "open", Path: ClaimFile(dir), Err: fs.ErrPermission}
	require.ErrorContains(t, unreadable(dir, denied), "move it away", "who made it is not known")
	require.NoError(t, os.WriteFile(ClaimFile(dir), nil, 0o600))
	me, err := user.Current()
	require.NoError(t, err)
	err = unreadable(dir, denied)
	require.ErrorContains(t, err, "belongs to "+me.Username+", who began it")
	require.ErrorContains(t, err, "run veza-restore as that user")
	assert.NotContains(t, err.Error(), "away")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	require.ErrorContains(t, unreadable(dir, fs.ErrInvalid), "move it away")
}

// Another directory of the same name is not meant; one that is gone begins anew.
func TestClaim_Of(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	require.NoError(t, os.Mkdir(dir, 0o700))
	now, err := identify(dir)
	require.NoError(t, err)
	c := Claim{identity: now}
	assert.True(t, c.Of(dir))
	require.NoError(t, os.Rename(dir, dir+".old"))
	assert.True(t, c.Of(dir), "nothing is there")
	require.NoError(t, os.Mkdir(dir, 0o700))
	assert.False(t, c.Of(dir))
}

func FuzzReadClaim(f *testing.F) {
	good, err := json.Marshal(Claim{Data: "/d", Step: Recovering, Begun: begun})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"begun": "0"}`))
	dir := filepath.Join(f.TempDir(), "pg")
	f.Fuzz(func(t *testing.T, content []byte) {
		require.NoError(t, os.WriteFile(ClaimFile(dir), content, 0o600))
		c, err := ReadClaim(dir)
		require.False(t, c != nil && err != nil)
	})
}
