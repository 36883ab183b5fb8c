package runner

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/report"
)

// foretold judges a passing stream with a history of so many passes before it, a week apart, each of which took a
// tenth of this run more than the one before; change makes another kind of each of them.
func foretold(
	t *testing.T, before int, env []string, change func(map[string]any),
) (values map[string]float64, prom string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "h")
	w, _, _ := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-history", path}, w))
	this := history(t, path)
	lines := []byte("{\"schema\":1,\"cut") // by a crash, long ago
	for i := before; i > 0; i-- {
		line := map[string]any{
			"schema": 1, "suite": "drill", "stanza": this.Stanza, "verdict": "pass", "exit_status": 0, "reason": "none",
			"ended":  this.End.Add(-time.Duration(i) * 7 * 24 * time.Hour),
			"labels": map[string]any{"environment": this.Labels["environment"]},
			"steps":  []any{map[string]any{"name": "restore", "outcome": "passed", "seconds": 1}},
			"measurements": []any{
				map[string]any{"name": "rto_seconds", "value": rtoOf(t, this.Values) * (1 - float64(i)/10)},
			},
		}
		if change != nil {
			change(line)
		}
		text, err := json.Marshal(line)
		require.NoError(t, err)
		lines = append(append(lines, '\n'), text...)
	}
	require.NoError(t, os.WriteFile(path, lines, 0o600))

	textfile := filepath.Join(dir, "drill.prom")
	w, out, errs := world(bytes.NewReader(passing(t)))
	w.Env = env
	require.Equal(t, 0, Main([]string{"-history", path, "-textfile", textfile}, w), "%s%s", out, errs)
	values = map[string]float64{}
	for _, v := range history(t, path).Values {
		if v.Name == "rto_forecast_seconds" || v.Name == "rto_budget_days" {
			values[v.Name+v.Labels["days"]] = v.Value
		}
	}
	text, err := os.ReadFile(textfile)
	require.NoError(t, err)
	return values, string(text)
}

func rtoOf(t *testing.T, values []report.Value) float64 {
	t.Helper()
	for _, v := range values {
		if v.Name == "rto_seconds" {
			return v.Value
		}
	}
	t.Fatal("no rto_seconds")
	return 0
}

func TestForecast_IsMadeOfTheHistoryAndThisRun(t *testing.T) {
	values, prom := foretold(t, 5, nil, nil)
	require.Len(t, values, 3)
	in30, in90 := values["rto_forecast_seconds30"], values["rto_forecast_seconds90"]
	growth := (in90 - in30) / 60
	now := in30 - 30*growth
	assert.InDelta(t, now/10/7, growth, now/1000)
	assert.InEpsilon(t, (1800-now)/growth, values["rto_budget_days"], 0.01)
	assert.Contains(t, prom, `veza_backup_drill_rto_forecast_seconds{days="30",stanza="demo"} `)
	assert.Contains(t, prom, `veza_backup_drill_rto_forecast_seconds{days="90",stanza="demo"} `)
	assert.Contains(t, prom, `veza_backup_drill_rto_budget_days{stanza="demo"} `)

	other, _ := foretold(t, 5, []string{"DRILL_RTO=10m"}, nil)
	assert.InEpsilon(t, values["rto_budget_days"], other["rto_budget_days"], 0.01, "the budget is the run's own")
}

func TestForecast_IsLeftOut(t *testing.T) {
	for name, values := range map[string]func() (map[string]float64, string){
		"with five passes": func() (map[string]float64, string) { return foretold(t, 4, nil, nil) },
		"with passes of another stanza": func() (map[string]float64, string) {
			return foretold(t, 9, nil, func(line map[string]any) { line["stanza"] = "other" })
		},
		"with drills that failed": func() (map[string]float64, string) {
			return foretold(t, 9, nil, func(line map[string]any) { line["verdict"], line["exit_status"] = "fail", 1 })
		},
		"with drills of targets": func() (map[string]float64, string) {
			return foretold(t, 9, nil, func(line map[string]any) {
				line["labels"].(map[string]any)["target"] = "random"
			})
		},
		"with drills of another environment": func() (map[string]float64, string) {
			return foretold(t, 9, nil, func(line map[string]any) {
				line["labels"].(map[string]any)["environment"] = "incus"
			})
		},
	} {
		found, prom := values()
		assert.Empty(t, found, name)
		assert.NotContains(t, prom, "forecast", name)
		assert.NotContains(t, prom, "budget_days", name)
	}
	flat, _ := foretold(t, 9, nil, func(line map[string]any) {
		line["measurements"] = []any{map[string]any{"name": "rto_seconds", "value": 1}}
	})
	assert.Contains(t, flat, "rto_forecast_seconds30")
	assert.NotContains(t, flat, "rto_budget_days", "without growth")
}
