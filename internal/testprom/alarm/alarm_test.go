package alarm

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What stands in a command line everybody can read.
func TestNewServer_RefusesAPassword(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:9093":           "",
		"https://alerts.example.net/am/":  "",
		"http://me:geheim@127.0.0.1:9093": "let a proxy on loopback add the password",
		"http://geheim@127.0.0.1:9093":    "let a proxy on loopback add the password",
		"http://me:geheim@127.0.0.1:x":    "must be a URL such as",
		"127.0.0.1:9093":                  "must be a URL such as",
		"ftp://127.0.0.1":                 "must be a URL such as",
		"http://127.0.0.1/?key=geheim":    "must be a URL such as",
		"http://127.0.0.1/#geheim":        "must be a URL such as",
	} {
		s, err := NewServer("-alertmanager", text)
		if want == "" {
			require.NoError(t, err, text)
			assert.True(t, s.Given())
			continue
		}
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "geheim")
		assert.False(t, s.Given())
	}
	s, err := NewServer("-prometheus", "")
	require.NoError(t, err)
	assert.False(t, s.Given(), "none was named")
}

// An alert counts when somebody is told of it.
func TestActive(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   []string
		why    string
	}{
		"active": {
			`[{"status":{"state":"active"},"receivers":[{"name":"a"},{"name":"b"}]}]`, []string{"a", "b"}, "",
		},
		"none":        {`[]`, nil, "it has none"},
		"no receiver": {`[{"status":{"state":"active"}}]`, nil, "with 0 receivers"},
		"not yet":     {`[{"status":{"state":"unprocessed"},"receivers":[{"name":"a"}]}]`, nil, "it is unprocessed"},
		"silenced": {
			`[{"status":{"state":"suppressed","silencedBy":["x"]},"receivers":[{"name":"a"}]}]`, nil, "silenced, by x",
		},
		"inhibited": {
			`[{"status":{"state":"suppressed","inhibitedBy":["x"]},"receivers":[{"name":"a"}]}]`, nil, "inhibited",
		},
		"of two one is active": {
			`[{"status":{"state":"suppressed","silencedBy":["x"]}},` +
				`{"status":{"state":"active"},"receivers":[{"name":"a"}]}]`,
			[]string{"a"},
			"",
		},
		"of another stanza": {
			`[{"labels":{"alertname":"BackupRestoreDrillRed","stanza":"shop"}, ` +
				`"status":{"state":"active"},"receivers":[{"name":"a"}]}]`,
			nil, "it has none",
		},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(labelled(c.answer)))
		}))
		s, err := NewServer("-alertmanager", server.URL)
		require.NoError(t, err)
		alerts, err := s.alerts(t.Context())
		server.Close()
		require.NoError(t, err, name)
		got, err := active(alerts)
		assert.Equal(t, c.want, got, name)
		if c.why != "" {
			require.ErrorContains(t, err, c.why, name)
		} else {
			require.NoError(t, err, name)
		}
	}
}

// labelled gives alerts without labels those of the test.
func labelled(answer string) string {
	return strings.ReplaceAll(answer, `{"status"`,
		`{"labels":{"alertname":"`+Alert+`","stanza":"`+Stanza+`"},"status"`)
}

// A link that does not answer says what was answered last, not that the question was cut short.
func TestWaits_SaysTheLastAnswer(t *testing.T) {
	w := test{Request: Request{Limit: 10 * time.Millisecond}}
	err := w.waits(t.Context(), "the rule", "it to fire", time.Hour, "Look.", func(ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.New("it is pending")
	})
	var broken *Broken
	require.ErrorAs(t, err, &broken)
	assert.Equal(t, "the rule: waiting for it to fire: not within 10ms (last answer: it is pending). Look.",
		err.Error())

	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("a signal")
	cancel(stopped)
	err = w.waits(ctx, "the rule", "it", time.Hour, "", func(context.Context) error { return errors.New("no") })
	assert.Equal(t, stopped, err, "who was interrupted has no verdict")
}

// Whatever answers, it is alerts or an error, and none of another stanza.
func FuzzParseAlerts(f *testing.F) {
	f.Add([]byte(labelled(`[{"status":{"state":"active"}}]`)))
	f.Add([]byte(`{}`))
	f.Add([]byte(`[null, 1]`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		alerts, err := parseAlerts(answer)
		if err != nil {
			assert.Empty(t, alerts)
		}
		for _, a := range alerts {
			assert.Equal(t, Stanza, a.Labels["stanza"])
		}
	})
}
