package acceptance

import (
	"fmt"
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

// patient is one case's own copy of a seed, its TMPDIR and its outputs.
type patient struct {
	t    *testing.T
	seed *seed
	dir  string // as the seed's, and beside: tmp, out
}

var patients atomic.Int64

// admit copies a seed for a case. Whatever its conf names (locks, logs, the primary's
// data directory) lies in the copy and does not exist: a drill that touched it would be seen.
func admit(t *testing.T, s *seed) *patient {
	t.Helper()
	p := &patient{t: t, seed: s, dir: filepath.Join(base, fmt.Sprintf("c%d", patients.Add(1)))}
	require.NoError(t, copyTree(s.dir, p.dir))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(p.dir)) })
	if *environment != "" { // the postgres of a container is another user
		said, err := exec.CommandContext(t.Context(), "chmod", "-R", "a+rX", p.dir).CombinedOutput()
		require.NoError(t, err, "%s", said)
	}
	for dir, mode := range map[string]os.FileMode{p.tmp(): os.ModeSticky | 0o777, p.out(""): 0o777} {
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.Chmod(dir, mode))
	}
	p.edit(func(conf string) string { return strings.ReplaceAll(conf, s.origin, p.dir) })
	return p
}

func (p *patient) tmp() string             { return filepath.Join(p.dir, "tmp") }
func (p *patient) conf() string            { return filepath.Join(p.dir, "etc", "pgbackrest.conf") }
func (p *patient) repo() string            { return filepath.Join(p.dir, "data", "repo") }
func (p *patient) out(name string) string  { return filepath.Join(p.dir, "out", name) }
func (p *patient) file(name string) string { return filepath.Join(p.dir, name) }

// fill puts names of this case and its seed into a text: {middle}, {conf}, ...
func (p *patient) fill(text string) string {
	pairs := []string{"{conf}", p.conf(), "{repo}", p.repo(), "{dir}", p.dir}
	for name, value := range p.seed.names {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// edit rewrites the conf in place: owner and mode stay.
func (p *patient) edit(change func(string) string) {
	p.t.Helper()
	p.change(p.conf(), func(content []byte) []byte { return []byte(change(string(content))) })
}

// set gives an option of the conf another value.
func (p *patient) set(option, value string) {
	p.t.Helper()
	line := regexp.MustCompile(`(?m)^` + option + `=.*$`)
	p.edit(func(conf string) string {
		if !line.MatchString(conf) {
			return strings.Replace(conf, "[global]", "[global]\n"+option+"="+value, 1)
		}
		return line.ReplaceAllLiteralString(conf, option+"="+value)
	})
}

// change rewrites a file in place, and leaves its times: a disk that forgets does not touch them.
func (p *patient) change(path string, how func([]byte) []byte) {
	p.t.Helper()
	info, err := os.Stat(path)
	require.NoError(p.t, err)
	content, err := os.ReadFile(path)
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(path, how(content), info.Mode()))
	require.NoError(p.t, os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// files are those of the repository a pattern names, at least one.
func (p *patient) files(pattern string) []string {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.repo(), p.fill(pattern)))
	require.NoError(p.t, err)
	require.NotEmpty(p.t, files, pattern)
	return files
}

// largest is where most of the data is.
func (p *patient) largest(pattern string) string {
	p.t.Helper()
	best, size := "", int64(-1)
	for _, file := range p.files(pattern) {
		info, err := os.Stat(file)
		require.NoError(p.t, err)
		if info.Size() > size {
			best, size = file, info.Size()
		}
	}
	return best
}

// archived is the pattern of an archived segment by its name.
func archived(name string) string { return "archive/demo/15-1/*/" + name + "-*" }

// Ways to break a file.
func flipped(content []byte) []byte {
	for i := len(content) / 2; i < min(len(content)/2+16, len(content)); i++ {
		content[i] ^= 0x55
	}
	return content
}
func cut(content []byte) []byte     { return content[:len(content)/2] }
func emptied([]byte) []byte         { return nil }
func garbage(content []byte) []byte { return []byte(strings.Repeat("?", len(content))) }

// older puts a file's time an hour back, newer an hour ahead of it.
func (p *patient) shift(path string, by time.Duration) {
	p.t.Helper()
	info, err := os.Stat(path)
	require.NoError(p.t, err)
	require.NoError(p.t, os.Chtimes(path, info.ModTime().Add(by), info.ModTime().Add(by)))
}
