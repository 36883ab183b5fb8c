package acceptance

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// repoCopy is one case's own copy of a seed, its TMPDIR and its outputs.
type repoCopy struct {
	t     *testing.T
	seed  *seed
	dir   string            // as the seed's, and beside: tmp, out
	names map[string]string // of the case's own
}

var copies atomic.Int64

// newCopy copies a seed for a case. Whatever its conf names (locks, logs, the primary's
// data directory) lies in the copy and does not exist: a drill that touched it would be seen.
func newCopy(t *testing.T, s *seed) *repoCopy {
	t.Helper()
	rc := &repoCopy{t: t, seed: s, dir: filepath.Join(base, fmt.Sprintf("c%d", copies.Add(1)))}
	require.NoError(t, copyTree(s.dir, rc.dir))
	t.Cleanup(func() {
		giveBack(rc.dir)
		require.NoError(t, os.RemoveAll(rc.dir))
	})
	if *environment != "" { // the postgres of a container is another user
		said, err := exec.CommandContext(t.Context(), "chmod", "-R", "a+rX", rc.dir).CombinedOutput()
		require.NoError(t, err, "%s", said)
	}
	for dir, mode := range map[string]os.FileMode{rc.tmp(): os.ModeSticky | 0o777, rc.out(""): 0o777} {
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.Chmod(dir, mode))
	}
	rc.edit(func(conf string) string { return strings.ReplaceAll(conf, s.origin, rc.dir) })
	return rc
}

// giveBack lets an ordinary user remove what a fault has closed to everybody.
func giveBack(dir string) {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, _ error) error { // what stays closed, removing says
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
}

func (rc *repoCopy) tmp() string             { return filepath.Join(rc.dir, "tmp") }
func (rc *repoCopy) conf() string            { return filepath.Join(rc.dir, "etc", "pgbackrest.conf") }
func (rc *repoCopy) repo() string            { return filepath.Join(rc.dir, "data", "repo") }
func (rc *repoCopy) out(name string) string  { return filepath.Join(rc.dir, "out", name) }
func (rc *repoCopy) file(name string) string { return filepath.Join(rc.dir, name) }

// fill puts names of this case and its seed into a text: {middle}, {conf}, {wal} (where the archive is), ...
func (rc *repoCopy) fill(text string) string {
	pairs := []string{"{conf}", rc.conf(), "{repo}", rc.repo(), "{dir}", rc.dir}
	for name, value := range rc.names {
		pairs = append(pairs, "{"+name+"}", value)
	}
	for name, value := range rc.seed.names {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// edit rewrites the conf in place: owner and mode stay.
func (rc *repoCopy) edit(change func(string) string) {
	rc.t.Helper()
	rc.change(rc.conf(), func(content []byte) []byte { return []byte(change(string(content))) })
}

// set gives an option of the conf another value.
func (rc *repoCopy) set(option, value string) {
	rc.t.Helper()
	line := regexp.MustCompile(`(?m)^` + option + `=.*$`)
	rc.edit(func(conf string) string {
		if !line.MatchString(conf) {
			return strings.Replace(conf, "[global]", "[global]\n"+option+"="+value, 1)
		}
		return line.ReplaceAllLiteralString(conf, option+"="+value)
	})
}

// change rewrites a file in place, and leaves its times: a disk that forgets does not touch them.
func (rc *repoCopy) change(path string, how func([]byte) []byte) {
	rc.t.Helper()
	info, err := os.Stat(path)
	require.NoError(rc.t, err)
	content, err := os.ReadFile(path)
	require.NoError(rc.t, err)
	require.NoError(rc.t, os.WriteFile(path, how(content), info.Mode()))
	require.NoError(rc.t, os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// files are those of the repository a pattern names, at least one.
func (rc *repoCopy) files(pattern string) []string {
	rc.t.Helper()
	files, err := filepath.Glob(filepath.Join(rc.repo(), rc.fill(pattern)))
	require.NoError(rc.t, err)
	require.NotEmpty(rc.t, files, pattern)
	return files
}

// largest is where most of the data is.
func (rc *repoCopy) largest(pattern string) string {
	rc.t.Helper()
	best, size := "", int64(-1)
	for _, file := range rc.files(pattern) {
		info, err := os.Stat(file)
		require.NoError(rc.t, err)
		if info.Size() > size {
			best, size = file, info.Size()
		}
	}
	return best
}

// archived is the pattern of an archived segment by its name.
func archived(name string) string { return "{wal}/*/" + name + "-*" }

// Ways to break a file.
func flipped(content []byte) []byte {
	for i := len(content) / 2; i < min(len(content)/2+16, len(content)); i++ {
		content[i] ^= 0x55
	}
	return content
}

// flippedThroughout damages every block: whichever part of a bundle the set refers to is among them, where in the
// middle of it may lie a file that a later backup has replaced.
func flippedThroughout(content []byte) []byte {
	for i := 0; i < len(content); i += 512 {
		content[i] ^= 0x55
	}
	return content
}
func cut(content []byte) []byte     { return content[:len(content)/2] }
func emptied([]byte) []byte         { return nil }
func garbage(content []byte) []byte { return []byte(strings.Repeat("?", len(content))) }

// shift puts a file's time an hour back, newer an hour ahead of it.
func (rc *repoCopy) shift(path string, by time.Duration) {
	rc.t.Helper()
	info, err := os.Stat(path)
	require.NoError(rc.t, err)
	require.NoError(rc.t, os.Chtimes(path, info.ModTime().Add(by), info.ModTime().Add(by)))
}

// setTime gives a file the time of another, and some more.
func (rc *repoCopy) setTime(path, other string, more time.Duration) {
	rc.t.Helper()
	info, err := os.Stat(other)
	require.NoError(rc.t, err)
	require.NoError(rc.t, os.Chtimes(path, info.ModTime().Add(more), info.ModTime().Add(more)))
}
