// Package alerts holds no code: its tests prove what an operator loads and reads, the rules of
// fixtures/prometheus, the dashboard of fixtures/grafana and the pages of fixtures/runbooks, by
// promtool and by a Prometheus that scrapes a node_exporter with textfiles of the project's own.
package alerts
