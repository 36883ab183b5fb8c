package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A value is found where the command that asks would take it from.
func TestLine(t *testing.T) {
	conf, err := ParseConfig("/etc/a.conf", []byte(
		"# first\n[global]\ncompress-level=3\n compress-type = zst "+
			"\n\n[global:archive-push]\ncompress-level=1\n[veza]\npg1-path=/p\n",
	), ConfFile{"/etc/conf.d/b.conf", []byte("[veza:backup]\ncompress-level=9\n")})
	require.NoError(t, err)
	for command, want := range map[string]string{
		"restore": "/etc/a.conf:3 3", "archive-push": "/etc/a.conf:7 1", "backup": "/etc/conf.d/b.conf:2 9",
	} {
		l, ok := conf.Line("veza", command, "compress-level")
		require.True(t, ok, command)
		assert.Equal(t, want, l.Place()+" "+l.Value, command)
	}
	l, ok := conf.Line("veza", "backup", "compress-type")
	require.True(t, ok)
	assert.Equal(t, "/etc/a.conf:4 zst", l.Place()+" "+l.Value)
	_, ok = conf.Line("veza", "backup", "repo1-type")
	assert.False(t, ok)
	assert.Len(t, conf.Sets("compress-level"), 3)
}

// Whatever can be read has a line for each option that is set, and the line holds its value.
func FuzzLine(f *testing.F) {
	f.Add([]byte("[global]\nrepo1-type=s3\n"))
	f.Add([]byte("[global]\nrepo1-type = s3\nrepo1-type=posix\n[s]\n#repo1-type=x\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		conf, err := ParseConfig("c", content)
		if err != nil {
			return
		}
		value := conf.Option("s", "backup", "repo1-type")
		l, ok := conf.Line("s", "backup", "repo1-type")
		if ok && l.Value != value || !ok && value != "" {
			t.Errorf("%q: option %q, line %+v %v", content, value, l, ok)
		}
		if ok && l.Number > 0 && !strings.Contains(strings.Split(string(content), "\n")[l.Number-1], value) {
			t.Errorf("%q: %q does not stand in line %d", content, value, l.Number)
		}
	})
}
