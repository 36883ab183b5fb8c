package lab

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/host"
)

// What an operator has before any role: Prometheus, an Alertmanager that nobody has set up, and whoever is on call,
// here a program on loopback that keeps what it is told.
const (
	prometheusPort   = 9090
	prometheusConfig = "/etc/prometheus/prometheus.yml"
	webhookFile      = "/usr/local/bin/veza-webhook"

	// AlertmanagerConfig is the operator's to write, from the example that the role lays beside it.
	AlertmanagerConfig = "/etc/prometheus/alertmanager.yml"
	// Heard has a file for each receiver of the example's route, with a notification in each line.
	Heard = "/var/lib/veza-webhook"
)

// lent are this machine's programs, by what they are called on the drill host.
var lent = map[string]string{
	"prometheus": "prometheus", "promtool": "promtool", "alertmanager": "prometheus-alertmanager",
}

//go:embed units/prometheus.service
var prometheusUnit string

//go:embed units/alertmanager.service
var alertmanagerUnit string

//go:embed units/webhook.service
var webhookUnit string

//go:embed webhook.py
var webhookProgram string

// scrape is Prometheus' configuration as Debian has it, with the nodes: the rules are the role's to add.
const scrape = `global: {scrape_interval: 2s, evaluation_interval: 2s}
alerting:
  alertmanagers:
    - static_configs:
        - targets: ['127.0.0.1:9093']
rule_files:
  # - "first_rules.yml"
scrape_configs:
  - job_name: node
    static_configs:
`

// lendMonitoring adds the devices that lend the programs.
func lendMonitoring(devices map[string]map[string]string) (err error) {
	for name, program := range lent {
		if devices[name], err = lend(program, "/usr/local/bin/"+name); err != nil {
			return err
		}
	}
	// Debian's Alertmanager does not start without its templates.
	const templates = "/usr/share/prometheus/alertmanager"
	devices["templates"] = map[string]string{
		"type": "disk", "source": templates, "path": templates, "readonly": "true",
	}
	return nil
}

// setUpMonitoring starts Prometheus and the webhook; Alertmanager waits for a configuration.
func setUpMonitoring(ctx context.Context, h host.Host) error {
	config := scrape
	for _, name := range Machines {
		config += fmt.Sprintf("      - {targets: ['%s:%d'], labels: {instance: %s}}\n", at(name), exporterPort, name)
	}
	if err := root(ctx, h, "mkdir", "-p", "/etc/prometheus", "/var/lib/prometheus", Heard); err != nil {
		return err
	}
	for path, content := range map[string]string{prometheusConfig: config, webhookFile: webhookProgram} {
		if err := h.Put(ctx, path, []byte(content), 0o644, "root"); err != nil {
			return err
		}
	}
	fill := strings.NewReplacer("@CONFIG@", AlertmanagerConfig, "@HEARD@", Heard).Replace
	for name, text := range map[string]string{
		"webhook.service": webhookUnit, "alertmanager.service": alertmanagerUnit, "prometheus.service": prometheusUnit,
	} {
		if err := unit(ctx, h, name, fill(text)); err != nil {
			return err
		}
	}
	return nil
}
