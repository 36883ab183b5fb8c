package prodtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/wait"
)

const rulesFile = "veza_backup.rules.yml"

// loadAlerts loads the alerts into the lab's Prometheus, as they are. Nothing has run yet,
// and none of them is silent about that for ever.
func loadAlerts(t *testing.T, p *production) {
	content, err := os.ReadFile(filepath.Join(fixtures, "prometheus", rulesFile))
	require.NoError(t, err)
	require.NoError(t,
		p.lab.Node(lab.DrillHost).Put(t.Context(), "/etc/prometheus/rules/"+rulesFile, content, 0o644, "root"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.lab.Prometheus()+"/-/reload", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	p.alert(t, "BackupRestoreDrillNeverRan", "pending", time.Minute)
}

// alert is one that Prometheus holds for pending or firing.
type alert struct {
	Labels map[string]string `json:"labels"`
	State  string            `json:"state"`
}

func (p *production) alerts(ctx context.Context) (all []alert, err error) {
	return all, p.lab.Ask(ctx, "/api/v1/alerts", "alerts", &all)
}

// alert waits until an alert is in a state; "" is not there at all.
func (p *production) alert(t *testing.T, name, state string, limit time.Duration) (found alert) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	require.NoError(t, wait.For(ctx, name+" to be "+state, time.Second, func(ctx context.Context) error {
		all, err := p.alerts(ctx)
		if err != nil {
			return err
		}
		found = alert{}
		for _, a := range all {
			if a.Labels["alertname"] == name {
				found = a
			}
		}
		if found.State != state {
			return fmt.Errorf("it is %q", found.State)
		}
		return nil
	}))
	return found
}

// fires: the alert fires when its five minutes are over, and says what to look at.
func fires(t *testing.T, p *production) {
	const holds = 5 * time.Minute // the rule's own "for"
	a := p.alert(t, "BackupRestoreDrillFailed", "firing", holds+time.Minute)
	require.GreaterOrEqual(t, time.Since(p.failing), holds-10*time.Second, "no sooner than the rule says")
	require.Equal(t, "critical", a.Labels["severity"])
	require.Equal(t, stanza, a.Labels["stanza"])
	require.Equal(t, "wal_missing", a.Labels["reason"])
}

// quiet: nobody is woken while all is well.
func (p *production) quiet(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, wait.For(ctx, "no alert", time.Second, func(ctx context.Context) error {
		all, err := p.alerts(ctx)
		var names []string
		for _, a := range all {
			names = append(names, a.Labels["alertname"]+" "+a.State)
		}
		if slices.Sort(names); len(names) > 0 {
			err = errors.Join(err, fmt.Errorf("there are %v", names))
		}
		return err
	}))
}
