package drill

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// spaceAt is a restore with one tablespace.
func spaceAt(dir string) *nodeRestore {
	list := []pgbackrest.ManifestTarget{{
		Name: "pg_tblspc/1", Path: dir + "/ts", TablespaceID: "1", TablespaceName: "fast",
	}}
	return &nodeRestore{
		place: node.Place{Dir: dir + "/pg"}, apart: node.Targets{Data: dir + "/pg", List: list, Mode: "0750"},
	}
}

// What is in the way apart from the data directory is said before anybody is asked, and so is a directory that cannot
// be made, with what to type.
func TestRefuseApart(t *testing.T) {
	const may = "sh"
	for name, c := range map[string]struct {
		there string
		mays  bool
		words string // "" is that it may
	}{
		"not there":            {"", true, ""},
		"cannot be made":       {"", false, "/ts is not there, and the user who runs PostgreSQL may not make it in "},
		"empty":                {"ts", true, ""},
		"cannot be written to": {"ts", false, "may not write to "},
		"in use":               {"ts/PG_15_202209061", true, "is not empty"},
	} {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, c.there), 0o700))
		m := &machine{answers: map[string]answer{}}
		if c.mays {
			m.answers[may] = answer{}
		}
		err := spaceAt(dir).refuseApart(t.Context(), m, nil)
		if c.words == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.words, name)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, name)
	}
}

// here runs commands on this machine.
type here struct{ machine }

func (*here) Run(ctx context.Context, c host.Command) (host.Result, error) {
	said, err := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...).Output()
	return host.Result{Stdout: said}, err
}

// What only the user who runs PostgreSQL may read is listed by them, whatever the names are.
func TestLister(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/ts/a\nb/c", 0o700))
	require.NoError(t, os.WriteFile(dir+"/ts/f", nil, 0o600))
	require.NoError(t, os.Symlink(dir+"/ts", dir+"/link"))
	require.NoError(t, os.Symlink(dir+"/ts", dir+"/ts/back"))
	ask := lister(t.Context(), &here{})
	top := []node.Listed{{Name: "a\nb", Dir: true}, {Name: "f"}, {Name: "back"}}
	for _, asked := range []string{"/ts", "/link"} {
		list, err := ask(dir+asked, false)
		require.NoError(t, err)
		assert.ElementsMatch(t, top, list)
		list, err = ask(dir+asked, true)
		require.NoError(t, err)
		assert.ElementsMatch(t, append(top[:3:3], node.Listed{Name: "a\nb/c", Dir: true}), list)
	}
	list, err := ask(dir+"/none", true)
	require.NoError(t, err)
	assert.Empty(t, list)
	_, err = lister(t.Context(), &machine{})(dir, false)
	require.ErrorContains(t, err, "asked as the user who runs PostgreSQL")
}

// What is not there is made as pgBackRest would; the mark remembers which it is, and nobody else may use it meanwhile.
func TestHoldApart(t *testing.T) {
	dir := t.TempDir()
	r := spaceAt(dir)
	require.NoError(t, os.MkdirAll(dir+"/pg", 0o700))
	var err error
	r.claim, err = node.Take(r.place.Dir)
	require.NoError(t, err)
	m := &machine{answers: map[string]answer{"mkdir": {}}}
	require.ErrorIs(t, r.holdApart(t.Context(), m), os.ErrNotExist, "it only said that it was made")
	assert.Equal(t, []string{"mkdir -p -m 0750 -- " + dir + "/ts"}, m.ran)
	require.NoError(t, r.claim.Release())

	require.NoError(t, os.Mkdir(dir+"/ts", 0o700))
	r.claim, err = node.Take(r.place.Dir)
	require.NoError(t, err)
	require.NoError(t, r.holdApart(t.Context(), m))
	assert.Len(t, m.ran, 1)
	require.NoError(t, r.claim.Say(node.Restoring))
	said, err := node.ReadClaim(r.place.Dir)
	require.NoError(t, err)
	require.Len(t, said.Apart, 1)
	assert.Equal(t, dir+"/ts", said.Apart[0].Dir)
	err = spaceAt(dir).apart.Free()
	why, _ := reason.Of(err)
	assert.Equal(t, reason.Locked, why)
	require.NoError(t, r.claim.Drop())
}

// The pid file that this restore's own server has left is in nobody's way. Any other one is not touched, nor that of a
// server which may be at work where nobody sees it from here: in another container, or on another machine.
func TestTakeUp_PidFile(t *testing.T) {
	dir := t.TempDir()
	pid := filepath.Join(dir, node.PidFile)
	r := &nodeRestore{place: node.Place{Dir: dir}}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "PG_VERSION"), nil, 0o600))
	var here node.Claim
	here.Starts()
	boot, namespace := *here.Starter, *here.Starter
	boot.Boot, boot.Machine = "another", "another"
	namespace.Namespace++
	none := []node.Apart{}
	for name, c := range map[string]struct {
		file bool
		mark node.Claim
		gone bool
	}{
		"left by ours":          {true, node.Claim{Apart: none, Started: true, Starter: here.Starter}, true},
		"in another container":  {true, node.Claim{Apart: none, Started: true, Starter: &namespace}, false},
		"on another machine":    {true, node.Claim{Apart: none, Started: true, Starter: &boot}, false},
		"a mark of before":      {true, node.Claim{Apart: none, Started: true}, false},
		"a mark of long before": {true, node.Claim{}, false},
		"never started":         {true, node.Claim{Apart: none, Starter: here.Starter}, false},
		"there is none":         {false, node.Claim{Started: true, Starter: here.Starter}, false},
	} {
		_ = os.Remove(pid)
		if c.file {
			require.NoError(t, os.WriteFile(pid, []byte("4711\n"), 0o600))
		}
		box := &machine{answers: map[string]answer{"rm": {}}}
		p := provisioned{launched: launched{box: box}}
		require.NoError(t, r.takeUp(t.Context(), suite.NewOut(&recorder{}), p, &c.mark), name)
		var ran []string
		if c.gone {
			ran = []string{"rm -f -- " + pid}
		}
		assert.Equal(t, ran, box.ran, name)
	}
}

// Where the set goes must be known before what is there is replaced.
func TestWhyUnread(t *testing.T) {
	assert.Equal(t, reason.RepoCorrupt, whyUnread(pgbackrest.ErrManifest))
	assert.Equal(t, reason.RepoUnreachable, whyUnread(reason.Errorf(reason.RepoUnreachable, "it is gone")))
}
