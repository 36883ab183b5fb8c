package textfile

import (
	"bytes"
	"fmt"
	"math"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/whole"
)

// What a test of the alarm found.
const (
	alarmPath    = "veza_backup_alarm_path_"
	alarmSuccess = alarmPath + "success"
	alarmLastRun = alarmPath + "last_run_timestamp_seconds"
)

// WriteRed writes a red verdict of the drill on a stanza, in a file of its own, and nothing else of it: what judges
// the age of a verdict, or lists stanzas, does not see it.
func (Files) WriteRed(path, stanza string) error {
	red := series{lastSuccess, map[string]string{"stanza": stanza, "reason": string(reason.RestoreFailed)}, 0}
	return writeGauges(path, oneGauge{suite.Drill.Namespace + lastSuccess, help[lastSuccess], red.metric()})
}

// CheckAlarmPath is CheckOld of a file that WriteAlarmPath replaces.
func (Files) CheckAlarmPath(path string) error { return CheckOld(path, alarmPath) }

// WriteAlarmPath writes what a test of the alarm found.
func (Files) WriteAlarmPath(path string, success bool, at time.Time) error {
	arrived := 0.0
	if success {
		arrived = 1
	}
	last := math.Round(float64(at.UnixMilli())) / 1000
	return writeGauges(path,
		oneGauge{alarmSuccess, "1 when the last alarm that was tried arrived and ended, else 0.", value(arrived)},
		oneGauge{alarmLastRun, "Unix time of the last test of the alarm that reached a verdict.", value(last)})
}

// Sum adds up the series of one metric in the text of a server's metrics; false when it has none.
func (Files) Sum(metrics []byte, name string) (sum float64, there bool) {
	families, err := parse(metrics)
	if err != nil {
		return 0, false
	}
	for _, m := range families[name].GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		there = true
	}
	return sum, there
}

type oneGauge struct {
	name, help string
	metric     *dto.Metric
}

func value(v float64) *dto.Metric { return series{value: v}.metric() }

func writeGauges(path string, gauges ...oneGauge) error {
	var text bytes.Buffer
	for _, g := range gauges {
		family := &dto.MetricFamily{
			Name: proto.String(g.name), Help: proto.String(g.help), Type: dto.MetricType_GAUGE.Enum(),
			Metric: []*dto.Metric{g.metric},
		}
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	if _, err := parse(text.Bytes()); err != nil {
		return fmt.Errorf("write %s: it would not be readable: %w", path, err)
	}
	return whole.Replace(path, text.Bytes())
}
