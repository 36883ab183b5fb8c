package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// failed is what BackupUnitFailed says of a unit; an instance has its stanza from the rule.
func failed(name, stanza string) map[string]string {
	labels := map[string]string{
		"alertname": "BackupUnitFailed", "severity": "warning", "instance": "drill", "name": name,
	}
	if stanza != "" {
		labels["stanza"] = stanza
	}
	return labels
}

func red(alert, stanza string) map[string]string {
	return map[string]string{"alertname": alert, "severity": "critical", "instance": "drill", "stanza": stanza}
}

// A verdict keeps the failed unit of its own stanza quiet. That of another one may be a drill that was killed, of which
// nothing else tells; so may the page of the evidence.
func TestNotification_AVerdictKeepsOnlyItsOwnUnitQuiet(t *testing.T) {
	quiet := []map[string]string{
		failed("pgbackrest-drill.service", ""), failed("pgbackrest-check.service", ""),
		failed("pgbackrest-drill@shop.service", "shop"), failed("pgbackrest-check@shop.service", "shop"),
		failed("pgbackrest-drill-control@veza.service", "veza"),
		failed("pgbackrest-drill-control@shop.service", "shop"), // a red drill cannot be controlled
	}
	heard := []map[string]string{
		failed("pgbackrest-drill@veza.service", "veza"), failed("pgbackrest-check@veza.service", "veza"),
		failed("pgbackrest-evidence@shop.service", "shop"), failed("pgbackrest-full.service", ""),
	}
	verdicts := []map[string]string{
		red("BackupRestoreDrillFailed", "shop"), red("BackupCheckFailed", "shop"),
		red("BackupDrillControlFailed", "veza"),
	}
	hearsOnly(t, verdicts, quiet, heard)
}

// The alarm test's red drill is no verdict on anything: one that a power cut left in the textfiles would hide for weeks
// that the units fail.
func TestNotification_AnAlarmTestKeepsNoUnitQuiet(t *testing.T) {
	hearsOnly(t, []map[string]string{
		red("BackupRestoreDrillFailed", "alarm-test"), red("BackupCheckFailed", "shop"),
	}, []map[string]string{
		failed("pgbackrest-check.service", ""), // by the other one: what keeps quiet is known by then
	}, []map[string]string{
		failed("pgbackrest-drill.service", ""), failed("pgbackrest-drill-control.service", ""),
		failed("pgbackrest-drill@alarm-test.service", "alarm-test"),
	})
}

// hearsOnly has Alertmanager, with the route of the example, take verdicts and failed units, and waits until somebody
// is told of some of the units and of no other.
func hearsOnly(t *testing.T, verdicts, quiet, heard []map[string]string) {
	t.Helper()
	t.Parallel()
	long(t)
	address := alertmanager(t, newWebhook(t))
	var alerts []map[string]any
	for _, labels := range slices.Concat(verdicts, quiet, heard) {
		alerts = append(alerts, map[string]any{"labels": labels})
	}
	text, err := json.Marshal(alerts)
	require.NoError(t, err)
	within(t, seenTime, "Alertmanager to take the alerts", func(ctx context.Context) error {
		return ask(ctx, http.MethodPost, address, text, nil)
	})
	var want []string
	for _, labels := range heard {
		want = append(want, labels["name"])
	}
	slices.Sort(want)
	within(t, seenTime, "what must be heard, and nothing else, to be heard", func(ctx context.Context) error {
		names, err := units(ctx, address)
		if err == nil && !slices.Equal(want, names) {
			err = fmt.Errorf("heard are %q", names)
		}
		return err
	})
}

// units are those that Alertmanager tells somebody of.
func units(ctx context.Context, address string) (names []string, err error) {
	var all []struct {
		Labels map[string]string
		Status struct{ State string }
	}
	err = ask(ctx, http.MethodGet, address, nil, &all)
	for _, a := range all {
		if a.Status.State != "suppressed" && a.Labels["name"] != "" {
			names = append(names, a.Labels["name"])
		}
	}
	slices.Sort(names)
	return names, err
}

// ask is a question about alerts, or a list of them, to Alertmanager.
func ask(ctx context.Context, method, address string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("alerts: %s", answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
