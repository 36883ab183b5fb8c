package prodtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/wait"
)

// loadAlerts: the role has had Prometheus load the rules and the list of what is to be drilled. Nothing has run yet,
// and none of them is silent about that for ever. The operator makes the example of a route his own.
func loadAlerts(t *testing.T, p *production) {
	p.prometheus(t, `count(veza_backup_drill_expected{stanza="`+stanza+`"})`, 1)
	p.alert(t, "BackupRestoreDrillNeverRan", "pending", time.Minute)
	p.alert(t, "BackupRestoreDrillMissing", "pending", time.Minute)
	p.on(t, lab.DrillHost, "sh", "-c",
		"sed 's/group_wait: 30s/group_wait: 1s/; s/group_interval: 5m/group_interval: 10s/' "+
			"/etc/prometheus/alertmanager.veza.example.yml >"+lab.AlertmanagerConfig+
			" && systemctl start alertmanager.service")
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
	p.alert(t, "BackupRestoreDrillRed", "firing", time.Minute)
}

// notification is what Alertmanager posts to a receiver.
type notification struct {
	Status string
	Alerts []struct{ Labels, Annotations map[string]string }
}

// heard is what Alertmanager has told whoever is on call.
func (p *production) heard(ctx context.Context) (all []notification, err error) {
	said, err := p.try(ctx, lab.DrillHost, "cat", lab.Heard+"/pager.jsonl")
	for line := range strings.Lines(said) {
		var one notification
		err = errors.Join(err, json.Unmarshal([]byte(line), &one))
		all = append(all, one)
	}
	return all, err
}

// statuses are what whoever is on call has heard of, in its order.
func statuses(all []notification) (list []string) {
	for _, one := range all {
		list = append(list, one.Status)
	}
	return list
}

// leaves: whoever is on call has one page, with the stanza, the reason and what to do, and no word that it is over.
func leaves(t *testing.T, p *production) {
	var heard []notification
	drilltest.Eventually(t, "the page to come", func() string {
		var err error
		if heard, err = p.heard(t.Context()); err != nil {
			return err.Error()
		}
		return ""
	})
	require.Len(t, heard, 1)
	require.Len(t, heard[0].Alerts, 1)
	require.Equal(t, "firing", heard[0].Status)
	a := heard[0].Alerts[0]
	require.Equal(t, "BackupRestoreDrillRed", a.Labels["alertname"])
	require.Equal(t, "critical", a.Labels["severity"])
	require.Equal(t, stanza, a.Labels["stanza"])
	require.Contains(t, a.Annotations["summary"], "wal_missing")
	require.Contains(t, a.Annotations["runbook_url"], "/backup-restore-drill-red")
}

// anotherReason: the backups go as well, and the drill is red for another reason. Whoever is on call is neither told
// that it is over nor paged again.
func anotherReason(t *testing.T, p *production) {
	backups := lab.RepositoryDirectory + "/backup/" + stanza
	p.on(t, "s3", "mv", backups, "/srv/backups-taken")
	p.fly(t, 1, "no_backup")
	p.on(t, "s3", "mv", "/srv/backups-taken", backups)
	p.alert(t, "BackupRestoreDrillRed", "firing", time.Minute)
	heard, err := p.heard(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"firing"}, statuses(heard))
}

// over: the page ends once, when the drill is green again.
func (p *production) over(t *testing.T) {
	t.Helper()
	drilltest.Eventually(t, "whoever is on call to hear that it is over", func() string {
		heard, err := p.heard(t.Context())
		if err != nil {
			return err.Error()
		}
		if len(heard) < 2 {
			return fmt.Sprint("heard: ", statuses(heard))
		}
		require.Equal(t, []string{"firing", "resolved"}, statuses(heard))
		return ""
	})
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
