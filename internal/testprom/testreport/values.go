package testreport

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"veza.fr/recovery/internal/suite"
)

// maxValues bounds the measurements and labels kept of one run.
const maxValues = 1000

// values collects what a run published: measurements as text, because their
// labels may arrive after them, and labels.
type values struct {
	series   map[string]string // series as published -> number as published
	labels   map[string]string
	problems []string
}

// metric keeps one published measurement; the same number again changes nothing.
func (v *values) metric(series, number string) {
	before, twice := v.series[series]
	switch {
	case twice && !sameNumber(before, number):
		v.problem("metric.%s was published twice, as %s and as %s", series, before, number)
	case !twice && len(v.series) == maxValues:
		v.problem("more than %d measurements", maxValues)
	case !twice:
		v.series[series] = number
	}
}

// label keeps one label; the last one counts, since a drill that begins again
// names its new backup set. Only the stanza can never change within a run.
func (v *values) label(name, value string) {
	before, twice := v.labels[name]
	if name == "stanza" && twice && before != value {
		v.problem("label.stanza was published twice, as %s and as %s", before, value)
	}
	if twice || len(v.labels) < maxValues {
		v.labels[name] = value
	}
}

// resolve reads the measurements against their definitions, sorted by series.
func (v *values) resolve(s suite.Suite) []suite.Value {
	known := map[string]suite.Value{}
	for _, series := range slices.Sorted(maps.Keys(v.series)) {
		value, err := v.read(s, series)
		if err != nil {
			v.problem("metric.%s: %v", series, err)
			continue
		}
		if before, twice := known[value.Series()]; twice && before.Value != value.Value {
			v.problem("%s has two values, %v and %v", value.Series(), before.Value, value.Value)
		}
		known[value.Series()] = value
	}
	var list []suite.Value
	for _, series := range slices.Sorted(maps.Keys(known)) {
		list = append(list, known[series])
	}
	return list
}

func (v *values) read(s suite.Suite, series string) (suite.Value, error) {
	name, given, err := suite.ParseSeries(series)
	if err != nil {
		return suite.Value{}, err
	}
	definition, ok := s.Definition(name)
	if !ok {
		return suite.Value{}, fmt.Errorf("no metric of that name is known")
	}
	if definition.Counted {
		return suite.Value{}, fmt.Errorf("testprom makes it itself, and no test publishes it")
	}
	number, err := strconv.ParseFloat(v.series[series], 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return suite.Value{}, fmt.Errorf("%q is not a finite number", v.series[series])
	}
	labels, err := v.complete(definition, given)
	return suite.Value{Name: name, Labels: labels, Value: number}, err
}

// complete fills in the labels a series was published without: from
// label.<name>, else from the definition.
func (v *values) complete(d suite.Definition, given map[string]string) (map[string]string, error) {
	for name, value := range given {
		if !slices.Contains(d.Labels, name) {
			return nil, fmt.Errorf("the metric has no label %q", name)
		}
		if !utf8.ValidString(value) { // quoted as \xff, which JSON lets through
			return nil, fmt.Errorf("the label %s is not UTF-8: %q", name, value)
		}
	}
	if len(d.Labels) == 0 {
		return nil, nil
	}
	full := map[string]string{}
	for _, name := range d.Labels {
		for _, source := range []map[string]string{given, v.labels, d.Values} {
			if full[name] == "" {
				full[name] = source[name]
			}
		}
		if full[name] == "" {
			return nil, fmt.Errorf("the label %s is missing", name)
		}
	}
	return full, nil
}

// maxProblems bounds what is remembered; one is enough for the verdict.
const maxProblems = 20

func (v *values) problem(format string, args ...any) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, fmt.Sprintf(format, args...))
	}
}

func sameNumber(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return a == b || errX == nil && errY == nil && x == y
}
