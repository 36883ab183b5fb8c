package textfile

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
)

// render is the whole file: this run's series and those of other stanzas that
// the old file held, in the order of Definitions.
func render(r Run, old oldFile) ([]byte, error) {
	return text(r.families(append(r.all(old), old.others(r.Stanza)...), old.help))
}

// text is the file of some families, in an order.
func text(families map[string]*dto.MetricFamily, order []string) ([]byte, error) {
	var text bytes.Buffer
	for _, name := range order {
		if len(families[name].GetMetric()) == 0 {
			continue
		}
		slices.SortFunc(families[name].Metric,
			func(a, b *dto.Metric) int { return strings.Compare(a.String(), b.String()) })
		if _, err := expfmt.MetricFamilyToText(&text, families[name]); err != nil {
			return nil, fmt.Errorf("write metric %s: %w", name, err)
		}
	}
	return text.Bytes(), check(text.Bytes(), families)
}

// families groups series by metric. Metrics that only an old file knows (a
// former version's, of another stanza) come last and keep their help.
func (r Run) families(list []series, oldHelp map[string]string) (map[string]*dto.MetricFamily, []string) {
	families := map[string]*dto.MetricFamily{}
	var order []string
	add := func(name, help string) {
		order = append(order, name)
		families[name] = &dto.MetricFamily{
			Name: proto.String(r.Suite.Namespace + name), Help: proto.String(help),
			Type: dto.MetricType_GAUGE.Enum(),
		}
	}
	for _, d := range Definitions(r.Suite) {
		add(d.Name, d.Help)
	}
	for _, name := range slices.Sorted(maps.Keys(oldHelp)) {
		if families[name] == nil {
			add(name, oldHelp[name])
		}
	}
	for _, s := range list {
		if families[s.name] == nil {
			add(s.name, "")
		}
		families[s.name].Metric = append(families[s.name].Metric, s.metric())
	}
	return families, order
}

// check parses the text again and compares it with what was meant: expfmt does
// not check what it writes (facts D).
func check(text []byte, want map[string]*dto.MetricFamily) error {
	got, err := parse(text)
	if err != nil {
		return fmt.Errorf("the new file would not be readable: %w", err)
	}
	verdicts := map[string]bool{}
	for name, family := range want {
		if n := len(got[family.GetName()].GetMetric()); n != len(family.GetMetric()) {
			return fmt.Errorf("the new file would hold %d series of %s instead of %d", n, family.GetName(),
				len(family.GetMetric()))
		}
		seen := map[string]bool{}
		for _, m := range got[family.GetName()].GetMetric() {
			s := toSeries(name, m)
			if seen[s.id()] || name == lastSuccess && verdicts[s.labels["stanza"]] {
				return fmt.Errorf("the new file would hold %s%v twice", family.GetName(), s.labels)
			}
			seen[s.id()] = true
			if name == lastSuccess {
				verdicts[s.labels["stanza"]] = true
			}
		}
	}
	return nil
}

func toSeries(name string, m *dto.Metric) series {
	s := series{name: name, labels: map[string]string{}, value: m.GetGauge().GetValue()}
	for _, pair := range m.GetLabel() {
		s.labels[pair.GetName()] = pair.GetValue()
	}
	return s
}
