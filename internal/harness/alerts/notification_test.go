package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const routeFile = fixtures + "prometheus/alertmanager.example.yml"

// notification is what Alertmanager posts to a webhook.
type notification struct {
	Receiver string `json:"receiver"`
	Status   string `json:"status"`
	Alerts   []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// webhook is a receiver of notifications on loopback.
type webhook struct {
	*testing.T
	url   string
	mutex sync.Mutex
	heard []notification
}

func newWebhook(t *testing.T) *webhook {
	t.Helper()
	w := &webhook{T: t}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notification
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(text, &n)
		}
		if !assert.NoError(t, err) {
			return
		}
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.heard = append(w.heard, n)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// of is what a receiver was told: the status of each alert, and its reason where it has one.
func (w *webhook) of(receiver string) (said []string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, n := range w.heard {
		if n.Receiver != receiver {
			continue
		}
		for _, a := range n.Alerts {
			said = append(said, strings.TrimSpace(a.Status+" "+a.Labels["reason"]))
		}
	}
	return said
}

// hears waits until a receiver was told this.
func (w *webhook) hears(receiver, want string) {
	w.Helper()
	within(w.T, seenTime, receiver+" to hear "+want, func(context.Context) error {
		for _, said := range w.of(receiver) {
			if said == want {
				return nil
			}
		}
		return fmt.Errorf("it heard %q", w.of(receiver))
	})
}

// alertmanager runs one with the route of the example, which waits for nobody, and receivers on loopback.
func alertmanager(t *testing.T, w *webhook) (address string) {
	t.Helper()
	text, err := os.ReadFile(routeFile)
	require.NoError(t, err)
	config := string(text)
	for _, change := range [][2]string{
		{"http://127.0.0.1:9094", w.url},
		{"group_wait: 30s", "group_wait: 1s"}, // what inhibits comes with what is inhibited
		{"group_interval: 5m", "group_interval: 1s"},
		{"group_interval: 10s", "group_interval: 1s"},
	} {
		require.Contains(t, config, change[0])
		config = strings.ReplaceAll(config, change[0], change[1])
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	return serve(t, "prometheus-alertmanager", "--config.file="+path, "--storage.path="+filepath.Join(dir, "data"),
		"--cluster.listen-address=")
}

// The contract's alert has its reason as a label, and is another one when that changes: whoever heard it
// would be told RESOLVED while the drill is red. The page is told once, and once that it is over.
func TestNotification_IsOnePageUntilTheDrillIsGreen(t *testing.T) {
	t.Parallel()
	long(t)
	w := newWebhook(t)
	s := newSite(t, alertmanager(t, w))
	s.run("drill", drillFile, "pass", 0)
	s.sees("veza_backup_drill_last_success == 1")

	s.run("drill", drillFile, "wal-missing", 1)
	w.hears("pager", "firing")
	w.hears("daily", "firing wal_missing")

	s.run("drill", drillFile, "restore-fails", 1)
	w.hears("daily", "firing restore_failed")
	w.hears("daily", "resolved wal_missing") // the drill is red: this is what no pager may hear
	assert.Equal(t, []string{"firing"}, w.of("pager"))

	s.run("drill", drillFile, "pass", 0)
	w.hears("daily", "resolved restore_failed")
	w.hears("pager", "resolved")
	assert.Equal(t, []string{"firing", "resolved"}, w.of("pager"))

	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, n := range w.heard {
		if n.Receiver != "pager" || n.Status != "firing" {
			continue
		}
		require.Len(t, n.Alerts, 1)
		assert.Equal(t, "demo", n.Alerts[0].Labels["stanza"])
		assert.Equal(t, "critical", n.Alerts[0].Labels["severity"])
		assert.Contains(t, n.Alerts[0].Annotations["summary"], "wal_missing")
		assert.Contains(t, n.Alerts[0].Annotations["runbook_url"], "/backup-restore-drill-red")
	}
}

// The host of a red drill dies: nobody says RESOLVED before a drill is green, on whichever host.
func TestNotification_OutlivesTheHostOfARedDrill(t *testing.T) {
	t.Parallel()
	long(t)
	w := newWebhook(t)
	s := newSite(t, alertmanager(t, w))
	s.run("drill", drillFile, "wal-missing", 1)
	w.hears("pager", "firing")
	w.hears("daily", "firing wal_missing")

	s.dies()
	w.hears("daily", "resolved wal_missing") // the series are gone, and the alert by reason with them
	missing := s.state(promptly, "BackupRestoreDrillMissing", "firing")
	require.Len(t, missing.Alerts, 1)
	assert.Contains(t, missing.Alerts[0].Annotations["description"], "from "+s.exporter)
	assert.Contains(t, missing.Alerts[0].Annotations["description"], "Its host does not answer")
	gone := s.state(promptly, "BackupRestoreDrillRed", "firing")
	assert.Contains(t, gone.Alerts[0].Annotations["description"], "has since stopped answering")
	assert.Equal(t, []string{"firing"}, w.of("pager"))

	s.runOn(s.other, "drill", drillFile, "pass", 0)
	w.hears("pager", "resolved")
	assert.Equal(t, []string{"firing", "resolved"}, w.of("pager"))
	s.state(promptly, "BackupRestoreDrillMissing", "inactive")
}
