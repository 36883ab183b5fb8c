package alarm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// Bounds of the links, where no limit is given. A target may be scraped every few minutes, and the rule has a `for`
// of five.
const (
	readyTime    = 30 * time.Second
	exporterTime = time.Minute
	scrapeTime   = 5 * time.Minute
	ruleTime     = 15 * time.Minute
	handOverTime = 5 * time.Minute  // from Prometheus to Alertmanager
	blindTime    = 20 * time.Minute // from the file to Alertmanager, where nobody between them is asked
	deliverTime  = 10 * time.Minute // a route may group for minutes
	overTime     = 15 * time.Minute // from the file that is gone to the alert that is over
)

const series = `veza_backup_drill_last_success{stanza="` + Stanza + `"}`

// answers asks each server that is named, before anything is written. One that begins to work is waited for.
func (t test) answers(ctx context.Context) error {
	ask := func(s Server, path string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := s.get(ctx, path)
			return err
		}
	}
	for _, server := range []struct {
		Server
		ask func(context.Context) error
	}{
		{t.Alertmanager, func(ctx context.Context) error {
			_, err := t.Alertmanager.alerts(ctx)
			return err
		}},
		{t.Prometheus, ask(t.Prometheus, "/-/ready")},
		{t.NodeExporter, ask(t.NodeExporter, "/metrics")},
	} {
		if !server.Given() {
			continue
		}
		var silent *Broken
		err := t.waits(ctx, "", server.flag+" to answer", readyTime, "Is the URL right?", server.ask)
		if errors.As(err, &silent) {
			return fmt.Errorf("nothing was tried: %w", silent.Err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// arrives waits for each link that is asked, from the file to Alertmanager.
func (t test) arrives(ctx context.Context) error {
	if err := t.served(ctx); err != nil {
		return err
	}
	if err := t.fires(ctx); err != nil {
		return err
	}
	bound, advice := blindTime, "node_exporter, Prometheus, its rule "+Alert+" or its way to Alertmanager did not "+
		"pass it on: -node-exporter and -prometheus find out which"
	if t.Prometheus.Given() {
		bound, advice = handOverTime, "Prometheus fires and Alertmanager has not heard of it: look at alerting in "+
			"prometheus.yml, and at prometheus_notifications_errors_total"
	}
	var receivers []string
	err := t.waits(ctx, "Alertmanager", "Alertmanager to have the alert", bound, advice,
		func(ctx context.Context) error {
			alerts, err := t.Alertmanager.alerts(ctx)
			if err != nil {
				return err
			}
			receivers, err = active(alerts)
			return err
		})
	if err == nil {
		t.say("Alertmanager has it active, for %s", suite.Line(strings.Join(receivers, ", ")))
	}
	return err
}

// active are the receivers of the alert; an error says what keeps it from them.
func active(alerts []alert) (receivers []string, err error) {
	err = errors.New("it has none")
	for _, a := range alerts {
		switch {
		case a.Status.State == "active" && len(a.Receivers) > 0:
			for _, r := range a.Receivers {
				receivers = append(receivers, r.Name)
			}
			return receivers, nil
		case len(a.Status.SilencedBy) > 0:
			err = wait.Stop(fmt.Errorf("it is silenced, by %s: whatever matches this alert may match a real one",
				suite.Line(strings.Join(a.Status.SilencedBy, ", "))))
		case len(a.Status.InhibitedBy) > 0:
			err = errors.New("it is inhibited by another alert")
		default:
			err = fmt.Errorf("it is %s, with %d receivers", suite.Line(a.Status.State), len(a.Receivers))
		}
	}
	return nil, err
}

// served waits until node_exporter serves the file.
func (t test) served(ctx context.Context) error {
	if !t.NodeExporter.Given() {
		return nil
	}
	err := t.waits(ctx, "node_exporter", "node_exporter to serve the file", exporterTime,
		"Is --collector.textfile.directory="+t.Directory+" among its flags, and is node_textfile_scrape_error 0?",
		func(ctx context.Context) error {
			text, err := t.NodeExporter.get(ctx, "/metrics")
			if err == nil && !strings.Contains(string(text), `stanza="`+Stanza+`"`) {
				err = errors.New("its metrics have no stanza " + Stanza)
			}
			return err
		})
	if err == nil {
		t.say("node_exporter serves it")
	}
	return err
}

// fires waits until Prometheus has scraped the file, and its rule fires.
func (t test) fires(ctx context.Context) error {
	if !t.Prometheus.Given() {
		return nil
	}
	alerts := fmt.Sprintf(`ALERTS{alertname=%q,stanza=%q`, Alert, Stanza)
	for _, link := range []struct {
		name, expr, what, said, advice string
		bound                          time.Duration
	}{
		{
			"Prometheus", series, "Prometheus to scrape the file", "Prometheus has scraped it",
			"Is this host among its targets, and up?", scrapeTime,
		},
		{
			"the rule", alerts + "}", "the rule " + Alert + " to see it", "the rule sees it",
			"Is veza_backup.rules.yml loaded, and is its group healthy? Its page Rules says so", scrapeTime,
		},
		{
			"the rule", alerts + `,alertstate="firing"}`, "the rule " + Alert + " to fire", "the rule fires",
			"Its page Rules says how long it has been pending", ruleTime,
		},
	} {
		err := t.waits(ctx, link.name, link.what, link.bound, link.advice, func(ctx context.Context) error {
			return t.Prometheus.has(ctx, link.expr)
		})
		if err != nil {
			return err
		}
		t.say("%s", link.said)
	}
	return nil
}

// goesOut waits until a notification was delivered since before. Alertmanager counts them all together. Where
// several share the work any of them may deliver, and this one's count says nothing.
func (t test) goesOut(ctx context.Context, before float64, counted bool) error {
	if !counted {
		t.say("whether a notification went out is not known: Alertmanager does not count it, or is one of several")
		return nil
	}
	err := t.waits(ctx, "the receiver", "a notification to go out", deliverTime,
		"Alertmanager's journal says why its receiver did not take it: a key, a URL, a proxy",
		func(ctx context.Context) error {
			now, there := t.delivered(ctx)
			if !there || now <= before {
				return errors.New("alertmanager_notification_requests_total counts none that succeeded")
			}
			return nil
		})
	if err == nil {
		t.say("a notification was delivered")
	}
	return err
}

// delivered is how many notifications were taken by their receivers.
func (t test) delivered(ctx context.Context) (count float64, counted bool) {
	text, err := t.Alertmanager.get(ctx, "/metrics")
	if err != nil {
		return 0, false
	}
	sum := func(name string) float64 {
		value, there := t.Files.Sum(text, name)
		counted = counted || there
		return value
	}
	if members := sum("alertmanager_cluster_members"); members > 1 {
		return 0, false
	}
	counted = false
	count = sum("alertmanager_notification_requests_total")
	return count - sum("alertmanager_notification_requests_failed_total"), counted
}

// ends waits until Alertmanager has no such alert any more.
func (t test) ends(ctx context.Context, what string) error {
	err := t.waits(ctx, "the end", what, overTime,
		"Is the file gone from the textfile directory of every host, and does Prometheus still scrape them?",
		func(ctx context.Context) error {
			alerts, err := t.Alertmanager.alerts(ctx)
			if err == nil && len(alerts) > 0 {
				err = errors.New("it is still there")
			}
			return err
		})
	if err == nil {
		t.say("Alertmanager has no alert of stanza %s", Stanza)
	}
	return err
}
