package textfile

import (
	"maps"
	"math"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"veza.fr/recovery/internal/reason"
)

// series is one line of the file: a metric's name without the namespace, its
// labels with the stanza among them, its value.
type series struct {
	name   string
	labels map[string]string
	value  float64
}

// id is the same for two series that would collide.
func (s series) id() string {
	var id strings.Builder
	id.WriteString(s.name)
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		if s.labels[name] != "" { // an empty label is no label to Prometheus
			id.WriteString("\x00" + name + "\x00" + s.labels[name])
		}
	}
	return id.String()
}

// all are the series of this run; old is what the file said before.
func (r Run) all(old oldFile) []series {
	list := r.verdict(old)
	if r.outdated(old.carried(r.Stanza, lastAttemptTimestamp)) {
		return append(append(list, old.attempt(r.Stanza)...), r.claims(old)...)
	}
	list = append(list, r.with(lastAttemptTimestamp, unix(r)))
	if r.Environment == reason.None {
		list = append(list, r.with(environmentError, 0, "reason", string(reason.None)))
	} else {
		list = append(list, r.with(environmentError, 1, "reason", string(r.Environment)))
	}
	if r.Duration >= 0 {
		list = append(list, r.with(duration, r.Duration.Seconds()))
	}
	for _, step := range r.Steps {
		list = append(list, r.with(stepDuration, step.Seconds, "step", step.Name))
	}
	list = append(append(list, r.info()...), r.claims(old)...)
	for _, m := range r.Measurements {
		labels := maps.Clone(m.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		labels["stanza"] = r.Stanza
		list = append(list, series{m.Name, labels, m.Value})
	}
	return list
}

// verdict are the three series that speak of the backups. Without a verdict, or with one that is older than the file's,
// they keep what the file said before; what it did not say stays out, for a zero
// would be a claim (and would keep the never-ran alert quiet).
func (r Run) verdict(old oldFile) []series {
	red := r.knownRed(old)
	switch {
	case r.Verdict == nil, r.outdatedVerdict(old):
		return old.carried(r.Stanza, ofVerdict...)
	case r.passed() && len(red) > 0:
		return append(old.carried(r.Stanza, lastSuccessTimestamp),
			r.with(lastSuccess, 0, "reason", r.oldReason(old, red[0])),
			r.with(lastRunTimestamp, unix(r)))
	case r.passed():
		return []series{
			r.with(lastSuccess, 1, "reason", string(reason.None)),
			r.with(lastRunTimestamp, unix(r)),
			r.with(lastSuccessTimestamp, unix(r)),
		}
	}
	return append(old.carried(r.Stanza, lastSuccessTimestamp),
		r.with(lastSuccess, 0, "reason", string(*r.Verdict)),
		r.with(lastRunTimestamp, unix(r)))
}

func (r Run) passed() bool { return r.Verdict != nil && *r.Verdict == reason.None }

// info is the metric whose labels tell what was tested; absent when nothing is known.
func (r Run) info() []series {
	var pairs []string
	for _, name := range r.Suite.InfoLabels {
		if value := r.Labels[name]; value != "" {
			pairs = append(pairs, name, value)
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return []series{r.with(info, 1, pairs...)}
}

func (r Run) with(name string, value float64, pairs ...string) series {
	labels := map[string]string{"stanza": r.Stanza}
	for i := 0; i+1 < len(pairs); i += 2 {
		labels[pairs[i]] = pairs[i+1]
	}
	return series{name, labels, value}
}

// unix is the end of the run in seconds, milliseconds kept.
func unix(r Run) float64 { return math.Round(float64(r.At.UnixMilli())) / 1000 }

// metric is the series in the form expfmt writes, labels sorted.
func (s series) metric() *dto.Metric {
	m := &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(s.value)}}
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(name), Value: proto.String(s.labels[name])})
	}
	return m
}
