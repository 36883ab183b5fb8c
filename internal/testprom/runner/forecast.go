package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/forecast"
)

// horizons are how many days ahead a restore is foretold.
var horizons = []float64{30, 90}

// foresee adds what the passes of the history, this run's among them, foretell. With fewer than forecast.Needed there
// is nothing to add, and without growth no day on which the budget is spent. A history that cannot be read is told,
// and changes no verdict.
func (r *run) foresee(res *result) {
	if r.history == "" || r.suite.Name != suite.Drill.Name || r.notOfNow(res.Labels) != "" {
		return
	}
	passes, err := r.passes(res)
	if err != nil {
		res.warnings = append(res.warnings, "no forecast of the RTO: "+err.Error())
		return
	}
	f, ok := forecast.Of(passes, res.end)
	if !ok {
		return
	}
	for _, days := range horizons {
		label := map[string]string{"days": strconv.FormatFloat(days, 'f', -1, 64)}
		res.Measurements = append(res.Measurements,
			suite.Value{Name: suite.ForecastMetric, Labels: label, Value: rounded(f.In(days), 1000)})
	}
	if days, grows := f.Until(r.rtoBudget(res.Measurements)); grows {
		res.Measurements = append(res.Measurements,
			suite.Value{Name: suite.BudgetDaysMetric, Value: rounded(days, 10)})
	}
}

// passes are those of the history and, behind them, this run's.
func (r *run) passes(res *result) ([]forecast.Pass, error) {
	line, err := res.line()
	if err != nil {
		return nil, err
	}
	var before io.Reader = bytes.NewReader(nil)
	f, err := os.Open(r.history)
	switch {
	case err == nil:
		defer func() { _ = f.Close() }()
		before = f
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	kind := forecast.Kind{Stanza: res.stanza, Environment: res.Labels["environment"]}
	passes, err := forecast.Read(io.MultiReader(before, bytes.NewReader([]byte("\n")), bytes.NewReader(line)), kind)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.history, err)
	}
	return passes, nil
}

// rtoBudget is the budget in seconds: as the run says, else as its command asks.
func (r *run) rtoBudget(said []suite.Value) float64 {
	if told := r.objectives(said).RTO; told != nil && *told > 0 && !math.IsInf(*told, 1) {
		return *told
	}
	return budget(nil, r.Env).Seconds()
}

func rounded(value, parts float64) float64 { return math.Round(value*parts) / parts }
