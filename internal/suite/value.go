package suite

import (
	"fmt"
	"strconv"
	"strings"
)

// Value is one measurement of a run, with every label of its definition filled in.
type Value struct {
	Name   string            // a Definition's name
	Labels map[string]string // without stanza; nil when the definition has none
	Value  float64           // finite; base units, seconds or bytes
}

// Series is the value's name and labels as they are published.
func (v Value) Series() string {
	var pairs []string
	for name, value := range v.Labels {
		pairs = append(pairs, name, value)
	}
	return Series(v.Name, pairs...)
}

// ParseSeries reads back what Series wrote: a name and its labels.
func ParseSeries(text string) (name string, labels map[string]string, err error) {
	name, rest, braced := strings.Cut(text, "{")
	if !braced {
		return name, nil, nil
	}
	labels = map[string]string{}
	for !strings.HasPrefix(rest, "}") {
		label, tail, ok := strings.Cut(rest, "=")
		quoted, err := strconv.QuotedPrefix(tail)
		if !ok || err != nil {
			return name, nil, fmt.Errorf("%q is not name{label=\"value\",...}", text)
		}
		if _, twice := labels[label]; twice {
			return name, nil, fmt.Errorf("%q names the label %s twice", text, label)
		}
		if labels[label], err = strconv.Unquote(quoted); err != nil {
			return name, nil, fmt.Errorf("%q: label %s: %w", text, label, err)
		}
		rest = strings.TrimPrefix(tail[len(quoted):], ",")
	}
	if rest != "}" {
		return name, nil, fmt.Errorf("%q goes on after its labels", text)
	}
	return name, labels, nil
}
