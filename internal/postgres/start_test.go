package postgres

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// logHost is a machine with a server log and nothing else.
type logHost struct {
	host.Host
	content string
}

func (h *logHost) Read(context.Context, string) ([]byte, error) {
	if h.content == "" {
		return nil, fs.ErrNotExist
	}
	return []byte(h.content), nil
}

// Each start has a token of its own, and reads the log from where it begins; a server that was not
// started yet has no log.
func TestBeginLog(t *testing.T) {
	machine := &logHost{}
	s := &Server{Host: machine}
	_, err := s.ReadLog(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, s.beginLog(t.Context()))
	first := s.token
	assert.Greater(t, len(first), 20, "nobody guesses it")
	machine.content = strings.ReplaceAll(upLog(), testToken, first)
	log, err := s.ReadLog(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 2, log.Timeline)

	s.LeftOut = []string{"pg_tde"}
	require.NoError(t, s.beginLog(t.Context()))
	assert.NotEqual(t, first, s.token)
	log, err = s.ReadLog(t.Context())
	require.NoError(t, err)
	assert.Zero(t, log.Timeline, "that was the first start")
	assert.Equal(t, []string{"pg_tde"}, log.LeftOut)
	machine.content += "ERROR: [049]: unable to connect\n"
	log, err = s.ReadLog(t.Context())
	require.NoError(t, err)
	assert.Len(t, log.Archive, 1)
}

// How a line of the log begins stands before every other setting, and holds the token.
func TestSettings_LinesBeginWithTheToken(t *testing.T) {
	s := &Server{token: testToken}
	list := s.settings(Control{}, nil)
	assert.Equal(t, []string{"log_timezone=UTC", "log_line_prefix=%m [%p] " + testToken + " "}, list[:2])
	for _, setting := range list[2:] {
		assert.NotContains(t, setting, "log_line_prefix")
		assert.NotContains(t, setting, "log_timezone")
	}
}

// What a session of the drill decides itself is not taken over from the bootstrap superuser; what
// the data may need is.
func TestReader_OwnSettings(t *testing.T) {
	for _, name := range []string{"role", "statement_timeout", "session_preload_libraries", "row_security"} {
		assert.True(t, ownSettings[name], name)
	}
	for _, name := range []string{"search_path", "app.tenant", "datestyle"} {
		assert.False(t, ownSettings[name], name)
	}
}
