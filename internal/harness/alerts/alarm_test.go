package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/alarm"
	"veza.fr/recovery/internal/testprom/runner"
	"veza.fr/recovery/internal/testprom/textfile"
)

// tried is one run of testprom -alarm-test on a site.
type tried struct {
	exit    int
	out     string
	results string // the textfile, "" where there is none
}

// try tries the alarm; flags take the place of those that a sound site has. It sends signal once the red drill is
// there, when that is not 0.
func (s *site) try(alertmanager, limit string, signal syscall.Signal, flags ...string) (r tried) {
	s.Helper()
	results := filepath.Join(s.textfiles, "veza_backup_alarm.prom")
	red := filepath.Join(s.textfiles, alarm.File)
	signals := make(chan os.Signal, 1)
	if signal != 0 {
		go func() {
			within(s.T, answerTime, "the red drill to be written", func(context.Context) error {
				_, err := os.Stat(red)
				return err
			})
			signals <- signal
		}()
	}
	args := append([]string{
		"-alarm-test", "-limit", limit, "-textfile", results, "-alertmanager", "http://" + alertmanager,
		"-prometheus", "http://" + string(s.api), "-node-exporter", "http://" + s.exporter,
	}, flags...)
	var out strings.Builder
	r.exit = runner.Main(args, runner.World{
		Stdout: &out, Stderr: &out, Signals: signals, Now: time.Now, Textfile: textfile.Files{},
	})
	r.out = out.String()
	text, err := os.ReadFile(results)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(s, err)
	}
	r.results = string(text)
	assert.NoFileExists(s, red, "the red drill is gone whatever came of it")
	return r
}

// The alarm arrives where the route sends it, ends, and wakes nobody else. One that is interrupted reaches no verdict.
func TestAlarm_Arrives(t *testing.T) {
	t.Parallel()
	long(t)
	w := newWebhook(t)
	address := alertmanager(t, w)
	s := newSite(t, address)
	s.run("drill", drillFile, "pass", 0)
	s.sees("veza_backup_drill_last_success == 1")

	r := s.try(address, "1m", 0)
	require.Equal(t, 0, r.exit, r.out)
	for _, line := range []string{
		"node_exporter serves it", "Prometheus has scraped it", "the rule fires",
		"Alertmanager has it active, for alarm-test", "a notification was delivered", "PASSED",
	} {
		assert.Contains(t, r.out, line)
	}
	assert.Contains(t, r.results, "veza_backup_alarm_path_success 1\n")
	w.hears("alarm-test", "resolved")
	assert.Equal(t, []string{"firing", "resolved"}, w.of("alarm-test"))
	assert.Empty(t, w.of("pager"))
	assert.Empty(t, w.of("daily"))
	s.state(promptly, "BackupRestoreDrillStale", "inactive")

	require.NoError(t, os.Remove(filepath.Join(s.textfiles, "veza_backup_alarm.prom")))
	r = s.try(address, "1m", syscall.SIGTERM)
	assert.Equal(t, 2, r.exit, r.out)
	assert.Contains(t, r.out, "terminated")
	assert.Empty(t, r.results, "no verdict, no metrics")
}

// Each link that does not answer is named, and the alarm is not heard.
func TestAlarm_NamesTheLinkThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	long(t)
	w := newWebhook(t)
	address := alertmanager(t, w)
	s := newSite(t, address)
	s.run("drill", drillFile, "pass", 0)
	s.sees("veza_backup_drill_last_success == 1")
	deaf := alertmanager(t, w) // no Prometheus knows it
	other := newSite(t)        // its Prometheus scrapes other hosts
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>")
	}))
	t.Cleanup(page.Close)

	for name, c := range map[string]struct {
		flags  []string
		exit   int
		said   string
		result string
	}{
		"node_exporter reads another directory": {
			[]string{"-node-exporter", "http://" + other.exporter}, 1, "node_exporter: waiting for", "success 0\n",
		},
		"Prometheus scrapes other hosts": {
			[]string{"-prometheus", "http://" + string(other.api)}, 1, "Prometheus: waiting for", "success 0\n",
		},
		"Prometheus knows another Alertmanager": {
			[]string{"-alertmanager", "http://" + deaf}, 1, "look at alerting in prometheus.yml", "success 0\n",
		},
		"nobody between the two is asked": {
			[]string{"-alertmanager", "http://" + deaf, "-prometheus", "", "-node-exporter", ""},
			1, "-node-exporter and -prometheus find out which", "success 0\n",
		},
		"it is no Alertmanager": {
			[]string{"-alertmanager", page.URL}, 2, "no Alertmanager", "",
		},
		"Alertmanager does not listen": {
			[]string{"-alertmanager", "http://127.0.0.1:1"},
			2, "nothing was tried: waiting for -alertmanager to answer", "",
		},
		"a password": {
			[]string{"-alertmanager", "http://me:geheim@" + address}, 2, "let a proxy on loopback add the password", "",
		},
	} {
		_ = os.Remove(filepath.Join(s.textfiles, "veza_backup_alarm.prom"))
		r := s.try(address, "5s", 0, c.flags...)
		assert.Equal(t, c.exit, r.exit, "%s: %s", name, r.out)
		assert.Contains(t, r.out, c.said, name)
		assert.NotContains(t, r.out, "geheim", name)
		if c.result == "" {
			assert.Empty(t, r.results, name)
		} else {
			assert.Contains(t, r.results, c.result, name)
		}
	}
}

// An alert that Alertmanager keeps to itself, or that its receiver does not take, is not heard.
func TestAlarm_IsNotHeardBehindAlertmanager(t *testing.T) {
	t.Parallel()
	long(t)
	broken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(broken.Close)
	address := alertmanager(t, &webhook{T: t, url: broken.URL})
	s := newSite(t, address)
	r := s.try(address, "20s", 0)
	assert.Equal(t, 1, r.exit, r.out)
	assert.Contains(t, r.out, "the receiver: waiting for a notification to go out")

	silence(t, address)
	r = s.try(address, "1m", 0)
	assert.Equal(t, 1, r.exit, r.out)
	assert.Contains(t, r.out, "it is silenced, by ")
}

// silence silences the stanza of the test.
func silence(t *testing.T, address string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"matchers": []any{map[string]any{"name": "stanza", "value": alarm.Stanza, "isRegex": false}},
		"startsAt": time.Now(), "endsAt": time.Now().Add(time.Hour), "createdBy": "test", "comment": "test",
	})
	require.NoError(t, err)
	answer, err := http.Post("http://"+address+"/api/v2/silences", "application/json", strings.NewReader(string(text)))
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // it was read
	said, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s", said)
}
