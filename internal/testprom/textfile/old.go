package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"veza.fr/recovery/internal/suite"
)

// oldFile is what the file held before this run: series of this suite alone.
type oldFile struct {
	series   []series
	help     map[string]string // of metrics this version does not know
	warnings []string
}

// maxOld bounds how much of an old file is read, in bytes; node_exporter's own
// users keep such files at a few KiB.
const maxOld = 16 << 20

// readOld reads the file that is about to be replaced. Nothing in it is an
// error: what cannot be used is left out and reported. A file that cannot be read
// at all may hold the verdicts of other stanzas, and is none to replace.
func readOld(path, namespace string) (oldFile, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return oldFile{}, nil
	}
	if err != nil {
		return oldFile{}, fmt.Errorf("the old file cannot be read and stays: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxOld+1))
	switch {
	case err != nil:
		return oldFile{}, fmt.Errorf("the old file cannot be read and stays: %w", err)
	case len(text) > maxOld:
		return oldFile{
			warnings: []string{fmt.Sprintf("the old file %s is larger than %d bytes and is replaced", path, maxOld)},
		}, nil
	}
	return parseOld(path, text, namespace), nil
}

// parseOld takes from text every series that can be kept.
func parseOld(path string, text []byte, namespace string) (o oldFile) {
	families, err := parse(text)
	if err != nil {
		o.warn("the old file %s is not a metrics file and is replaced: %v", path, err)
		return o
	}
	o.help = map[string]string{}
	seen := map[string]bool{}
	for _, full := range slices.Sorted(maps.Keys(families)) {
		name, ours := strings.CutPrefix(full, namespace)
		if !ours || families[full].GetType() != dto.MetricType_GAUGE {
			o.warn("the old file %s: %s is not a gauge of this suite and is left out", path, full)
			continue
		}
		o.help[name] = families[full].GetHelp()
		for _, m := range families[full].GetMetric() {
			s, err := fromMetric(name, m)
			if err == nil && seen[s.id()] {
				err = errors.New("it stands there twice")
			}
			if err != nil {
				o.warn("the old file %s: a series of %s is left out: %v", path, full, err)
				continue
			}
			seen[s.id()] = true
			o.series = append(o.series, s)
		}
	}
	o.dropAmbiguousVerdicts(path)
	return o
}

// parse reads the text format as node_exporter does; a panic in the parser
// (older ones had some, facts D) is an error like any other.
func parse(text []byte) (families map[string]*dto.MetricFamily, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	return parser.TextToMetricFamilies(bytes.NewReader(text))
}

// fromMetric is an old series; an error says why it must not be believed.
func fromMetric(name string, m *dto.Metric) (series, error) {
	s := toSeries(name, m)
	switch {
	case s.labels["stanza"] == "":
		return s, errors.New("it has no stanza")
	case m.TimestampMs != nil:
		return s, errors.New("it carries a timestamp, and node_exporter would drop the whole file")
	case math.IsNaN(s.value) || math.IsInf(s.value, 0):
		return s, errors.New("its value is not a finite number")
	case name == lastSuccess && s.value != 0 && s.value != 1:
		return s, fmt.Errorf("its value %s is neither 0 nor 1", format(s.value))
	}
	return s, nil
}

// dropFutureTimes drops the times of one stanza that cannot be true, before they are
// carried over. Those of other stanzas are theirs to judge: a clock that was set
// back here must not take their last success away. That a claim did not hold stays known: see keepRed.
func (o *oldFile) dropFutureTimes(path, stanza string, now time.Time) {
	o.keepRed(path, stanza, now)
	o.series = slices.DeleteFunc(o.series, func(s series) bool {
		wrong := s.labels["stanza"] == stanza && strings.HasSuffix(s.name, "_timestamp_seconds") &&
			!plausible(s.value, now)
		if wrong {
			o.warn("the old file %s: a series of %s is left out: the time %s is not one in the past", path, s.name,
				format(s.value))
		}
		return wrong
	})
}

// plausible refuses times that would keep the stale alert quiet for ever.
func plausible(seconds float64, now time.Time) bool {
	return seconds > 0 && seconds <= float64(now.Add(suite.ClockSetBack).Unix())
}

// dropAmbiguousVerdicts drops last_success where a stanza has several: nobody knows which
// one is true.
func (o *oldFile) dropAmbiguousVerdicts(path string) {
	count := map[string]int{}
	for _, s := range o.series {
		if s.name == lastSuccess {
			count[s.labels["stanza"]]++
		}
	}
	for stanza, n := range count {
		if n > 1 {
			o.warn("the old file %s has %d verdicts on stanza %s: none is kept", path, n, stanza)
		}
	}
	o.series = slices.DeleteFunc(o.series, func(s series) bool {
		return s.name == lastSuccess && count[s.labels["stanza"]] > 1
	})
}

// dropUnnamed drops what runs said that came to an end before they could name a stanza. One of which there is a verdict
// has that name.
func (o *oldFile) dropUnnamed() {
	if len(o.carried(suite.UnknownStanza, lastSuccess)) == 0 {
		o.series = o.others(suite.UnknownStanza)
	}
}

// carried are the old series of one stanza with these names.
func (o oldFile) carried(stanza string, names ...string) (list []series) {
	for _, s := range o.series {
		if s.labels["stanza"] == stanza && slices.Contains(names, s.name) {
			list = append(list, s)
		}
	}
	return list
}

// others are the old series of all other stanzas.
func (o oldFile) others(stanza string) (list []series) {
	for _, s := range o.series {
		if s.labels["stanza"] != stanza {
			list = append(list, s)
		}
	}
	return list
}

func (o *oldFile) warn(text string, args ...any) {
	o.warnings = append(o.warnings, fmt.Sprintf(text, args...))
}

func format(value float64) string { return fmt.Sprintf("%g", value) }

// Holds says whether an existing file has series of the suite with this namespace.
func Holds(path, namespace string) bool {
	before, _ := readOld(path, namespace) // Write names the error
	return len(before.series) > 0
}

// Stanza is the one stanza an existing file speaks of; empty when there is no
// file that can be read, or it speaks of none or of several. A run that could name
// none speaks of none.
func Stanza(path, namespace string) string {
	before, _ := readOld(path, namespace) // Write names the error
	before.dropUnnamed()
	stanza := ""
	for _, s := range before.series {
		if stanza != "" && stanza != s.labels["stanza"] {
			return ""
		}
		stanza = s.labels["stanza"]
	}
	return stanza
}
