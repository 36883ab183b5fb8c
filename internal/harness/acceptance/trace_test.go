package acceptance

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
)

// eventually waits until condition says "".
func eventually(t *testing.T, what string, condition func() string) {
	t.Helper()
	drilltest.Eventually(t, what, condition)
}

// listing is every file below a directory with owner, mode, size, time and content.
func listing(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if errors.Is(err, fs.ErrPermission) { // a directory that was listed itself already
				list[path] += unreadable
				return nil
			}
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			line := fmt.Sprintf("%s %v", info.Mode(), info.ModTime())
			if info.Mode().IsRegular() {
				switch content, err := os.ReadFile(path); {
				case errors.Is(err, fs.ErrPermission):
					line += unreadable
				case err != nil:
					return err
				default:
					line += fmt.Sprintf(" %d %x", len(content), sha256.Sum256(content))
				}
			}
			list[path] = line
			return nil
		}))
	}
	return list
}

// unreadable is what may not be read by an ordinary user who runs the tests.
const unreadable = " unreadable"

// source is all of the copy that a drill may read and must not touch.
func (rc *repoCopy) source() map[string]string {
	rc.t.Helper()
	all := listing(rc.t, rc.dir)
	for path := range all {
		if path == rc.dir || within(path, rc.tmp()) || within(path, rc.out("")) {
			delete(all, path)
		}
	}
	return all
}

func within(path, dir string) bool {
	dir = filepath.Clean(dir)
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// leavesNothing asserts that no process and no file of a drill is left, but the lock file.
func (rc *repoCopy) leavesNothing() {
	rc.t.Helper()
	entries, err := os.ReadDir(rc.tmp())
	require.NoError(rc.t, err)
	for _, entry := range entries {
		assert.Regexp(rc.t, `^veza-drill-[a-z]+(\.check)?\.lock$`, entry.Name(), "left in TMPDIR")
	}
	// Zombies and a guard that is just being ended take a moment.
	eventually(rc.t, "the processes of the drill to end",
		func() string { return strings.Join(processes(rc.dir), "; ") })
}

// processes are those that were started for a case: its directory stands in their
// command line, environment or working directory.
func processes(dir string) []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		cmdline, err := os.ReadFile(proc + "/cmdline")
		if err != nil || len(cmdline) == 0 || proc == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue // gone, a zombie, or this test
		}
		environ, _ := os.ReadFile(proc + "/environ")
		cwd, _ := os.Readlink(proc + "/cwd")
		if strings.Contains(string(cmdline)+"\n"+string(environ)+"\n"+cwd+"/", dir+"/") {
			found = append(found, filepath.Base(proc)+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}
