package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The lab's lines come and go; everybody else's stay byte for byte.
func TestWithHosts(t *testing.T) {
	one, two := "198.19.77.10 s3.lab.veza.test", "198.19.77.11 db1.lab.veza.test"
	marked := func(line string) string { return line + " " + mark + "\n" }
	for _, c := range []struct {
		name, content string
		lines         []string
		want          string
	}{
		{"Added", "127.0.0.1 localhost\n", []string{one, two}, "127.0.0.1 localhost\n" + marked(one) + marked(two)},
		{
			"Replaced", marked("198.19.1.1 s3.lab.veza.test") + "::1 localhost\n",
			[]string{one},
			"::1 localhost\n" + marked(one),
		},
		{
			"Removed", "127.0.0.1 localhost\n" + marked(one) + "\n# end\n" + marked(two), nil,
			"127.0.0.1 localhost\n\n# end\n",
		},
		{"NoNewlineAtTheEnd", "127.0.0.1 localhost", []string{one}, "127.0.0.1 localhost\n" + marked(one)},
		{"NothingToRemove", "127.0.0.1 localhost", nil, "127.0.0.1 localhost"},
		{"Empty", "", []string{one}, marked(one)},
		{"ForeignLineOfTheName", "192.0.2.1 s3.lab.veza.test\n", nil, "192.0.2.1 s3.lab.veza.test\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := withHosts(c.content, c.lines)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want, withHosts(got, c.lines), "a second time changes nothing")
		})
	}
}

// The file is replaced whole, keeps its mode, and is left alone when nothing changes.
func TestSetHosts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(file, []byte("127.0.0.1 localhost\n"), 0o640))
	link := file + ".link"
	require.NoError(t, os.Symlink(file, link))
	for _, want := range []bool{true, false} {
		changed, err := setHosts(link, hostLines(nodes))
		require.NoError(t, err)
		assert.Equal(t, want, changed)
	}
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, os.ModeSymlink, info.Mode().Type(), "a link stays one")
	_, err = setHosts(link, nil)
	require.NoError(t, err)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1 localhost\n", string(content))
	info, err = os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	_, err = setHosts(file+".none", nil)
	require.Error(t, err)
}
