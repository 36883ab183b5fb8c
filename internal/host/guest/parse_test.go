package guest

import (
	"io"
	"io/fs"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// Whatever is quoted comes out of a shell as it was.
func TestQuote(t *testing.T) {
	for _, word := range []string{
		"", "plain", "two words", "it's", "$HOME `id` \\ \"", "é", "a\nb", "*", "!", "~",
		"-x", "a=b", "{a,b}",
	} {
		said, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+Quote(word)).Output()
		require.NoError(t, err)
		assert.Equal(t, word, string(said))
	}
	assert.Equal(t, "psql", Quote("psql"), "what needs no quotes has none")
}

func TestParseAccount(t *testing.T) {
	a, err := parseAccount("postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n104 103\n")
	require.NoError(t, err)
	assert.Equal(t, Account{"postgres", "101", "104", "104 103", "/var/lib/postgresql"}, a)
	for _, text := range []string{"", "postgres:x:101", "postgres:x:101:104::/h:/s", "a:x:1:1::/:/s\n1\n2"} {
		_, err := parseAccount(text)
		assert.Error(t, err, text)
	}
}

// run.pl says why a program was not started, and no program can say it.
func TestNotStarted(t *testing.T) {
	require.ErrorIs(t, notStarted("psql", "MARK", []byte("MARK 2 program psql: No such file or directory\n")),
		host.ErrNotFound)
	require.ErrorIs(t, notStarted("psql", "MARK", []byte("MARK 13 program psql: Permission denied\n")),
		fs.ErrPermission)
	err := notStarted("psql", "MARK", []byte("MARK 2 directory /gone: No such file or directory\n"))
	require.ErrorContains(t, err, "/gone")
	require.NotErrorIs(t, err, host.ErrNotFound)
	for _, said := range []string{"", "sh: 1: psql: not found\n", "MARK\n", "MARK x y\n"} {
		assert.NoError(t, notStarted("psql", "MARK", []byte(said)), said)
	}
}

// The drill's own environment never reaches a command; the mark cannot be overridden.
func TestEnvironment(t *testing.T) {
	t.Setenv("PGHOST", "production")
	env := Environment(Root, []string{"PGDATA=/data", "LANG=fr", "VEZA_SCRATCH=none"}, "mark")
	assert.Equal(t, map[string]string{
		"PATH": standardPath, "HOME": "/root", "USER": "root", "LOGNAME": "root", "LANG": "fr", "LC_ALL": "C",
		"TZ":     "UTC",
		"PGDATA": "/data", "VEZA_SCRATCH": "mark",
	}, env)
}

func TestUnixMode(t *testing.T) {
	assert.Equal(t, uint32(0o640), unixMode(0o640))
	assert.Equal(t, uint32(0o5750), unixMode(0o750|fs.ModeSetuid|fs.ModeSticky))
	assert.Equal(t, uint32(0o2700), unixMode(0o700|fs.ModeSetgid))
}

// Interfaces and routes of a sandbox, as ip prints them.
func TestWayOut(t *testing.T) {
	const usual = "local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1\nlocal ::1 dev lo " +
		"table local proto kernel metric 0 pref medium\n"
	assert.Empty(t, FirstEgress("lo\n\n"+usual))
	assert.Empty(t, FirstEgress("lo\n\n"))
	assert.Equal(t, "interface eth0", FirstEgress("eth0\nlo\n\n"+usual))
	assert.Contains(t, FirstEgress("lo\n\n"+usual+"default via 10.0.0.1 dev eth0\n"), "default via")
	assert.NotEmpty(t, FirstEgress(""), "no answer is no proof")
	assert.NotEmpty(t, FirstEgress("\n\n"))
}

// What is handed on to somebody who fails is kept all the same; what comes too late is not.
func TestSink(t *testing.T) {
	reader, writer := io.Pipe()
	require.NoError(t, reader.CloseWithError(fs.ErrClosed))
	s := &sink{to: writer}
	for _, part := range []string{"all ", "of it"} {
		_, err := s.Write([]byte(part))
		require.NoError(t, err)
	}
	assert.Equal(t, "all of it", string(s.take()))
	require.ErrorIs(t, s.failed(), fs.ErrClosed)
	_, err := s.Write([]byte(" and more"))
	require.NoError(t, err)
	assert.Equal(t, "all of it", string(s.take()))
}
