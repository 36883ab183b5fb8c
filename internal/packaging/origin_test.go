package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkout is a git checkout with one commit.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module x\n"), 0o600))
	run(t, root, "init", "-q")
	run(t, root, "add", ".")
	run(t, root, "commit", "-q", "-m", "first")
	return root
}

// run is git, of nobody in particular, at a fixed time.
func run(t *testing.T, root string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", append([]string{"-C", root}, args...)...)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + root,
		"GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x@example.org",
		"GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x@example.org",
		"GIT_AUTHOR_DATE=2026-11-29T10:35:29+01:00", "GIT_COMMITTER_DATE=2026-11-29T10:35:29+01:00",
	}
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
}

func origin(t *testing.T, root string) Origin {
	t.Helper()
	o, err := FindOrigin(t.Context(), root, "", "")
	require.NoError(t, err)
	return o
}

func TestFindOrigin_ByGit(t *testing.T) {
	root := checkout(t)
	o := origin(t, root)
	assert.Equal(t, time.Date(2026, 11, 29, 9, 35, 29, 0, time.UTC), o.Time)
	assert.Equal(t, "0~git20261129.093529."+o.Commit[:7], o.Version)
	assert.Empty(t, o.Note)

	run(t, root, "tag", "v1.2.3")
	assert.Equal(t, "1.2.3", origin(t, root).Version)
	run(t, root, "commit", "-q", "--allow-empty", "-m", "second")
	o = origin(t, root)
	assert.Equal(t, "1.2.3+1.g"+o.Commit[:7], o.Version)
}

// What is not committed is in the version, and another change makes another one.
func TestFindOrigin_WithChanges(t *testing.T) {
	root := checkout(t)
	seen := map[string]bool{}
	for _, change := range [][2]string{{"go.mod", "module y\n"}, {"new.go", "package x\n"}, {"new.go", "package y\n"}} {
		require.NoError(t, os.WriteFile(filepath.Join(root, change[0]), []byte(change[1]), 0o600))
		o := origin(t, root)
		assert.Regexp(t, `^0~git20261129\.093529\.[0-9a-f]{7}\+dirty\.[0-9a-f]{8}$`, o.Version)
		assert.Contains(t, o.Note, "more here than the commit")
		assert.False(t, seen[o.Version], "a version of other changes")
		seen[o.Version] = true
		assert.Equal(t, o, origin(t, root))
	}
}

func TestFindOrigin_WithoutGit(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "go.mod")
	require.NoError(t, os.WriteFile(file, []byte("module x\n"), 0o600))
	at := time.Date(2026, 8, 23, 2, 0, 3, 0, time.UTC)
	require.NoError(t, os.Chtimes(file, at, at))

	if o := origin(t, root); o.Commit == "" { // else these tests run in what git archive wrote
		assert.Equal(t, "0~unknown", o.Version)
		assert.Equal(t, at, o.Time)
		assert.Contains(t, o.Note, "there is no .git here")
		assert.Contains(t, o.Note, "VERSION=")
	}
	o, err := FindOrigin(t.Context(), root, "1.2.3", "1000")
	require.NoError(t, err)
	assert.Equal(t, "1.2.3", o.Version)
	assert.Equal(t, int64(1000), o.Time.Unix())
	assert.Empty(t, o.Note)
}

func TestFindOrigin_RefusesWhatIsNoVersion(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), nil, 0o600))
	for _, wanted := range []string{"v1.2.3", "1.2-3", "1 2", "1:2", "1.2/3", "a"} {
		_, err := FindOrigin(t.Context(), root, wanted, "")
		require.Error(t, err, wanted)
		assert.Contains(t, err.Error(), "is no version")
	}
	for _, epoch := range []string{"today", "-1", "1.5"} {
		_, err := FindOrigin(t.Context(), root, "1", epoch)
		assert.ErrorContains(t, err, "SOURCE_DATE_EPOCH", epoch)
	}
}

func TestName_SortsAsDebianDoes(t *testing.T) {
	at := time.Date(2026, 11, 29, 9, 35, 29, 0, time.UTC)
	commit := strings.Repeat("0123456789", 4)
	for described, want := range map[string]string{
		"": "0~git20261129.093529.0123456", "v1.2.3": "1.2.3", "v1.2.3-4-g0123456": "1.2.3+4.g0123456",
		"v1.2.3-rc1": "1.2.3~rc1", "v1.2.3-rc1-4-g0123456": "1.2.3~rc1+4.g0123456",
	} {
		assert.Equal(t, want, name(described, commit, at))
	}
}
