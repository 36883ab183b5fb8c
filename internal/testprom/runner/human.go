package runner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"veza.fr/recovery/internal/suite"
)

// style colours text, or does not.
type style struct{ colours bool }

func (s style) red(text string) string    { return s.paint("31", text) }
func (s style) green(text string) string  { return s.paint("32", text) }
func (s style) yellow(text string) string { return s.paint("33", text) }
func (s style) bold(text string) string   { return s.paint("1", text) }
func (s style) dim(text string) string    { return s.paint("2", text) }

func (s style) paint(code, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// humanSeconds writes a duration as a person would say it.
func humanSeconds(seconds float64) string {
	switch {
	case seconds < 0:
		return "-" + humanSeconds(-seconds)
	case seconds < 60:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%d min %02d s", int(seconds)/60, int(seconds)%60)
	case seconds < 48*3600:
		return fmt.Sprintf("%d h %02d min", int(seconds)/3600, int(seconds)%3600/60)
	}
	return fmt.Sprintf("%.1f days", seconds/86400)
}

// humanValue writes a measurement with its unit, which its name ends in.
func humanValue(v suite.Value) string {
	switch {
	case strings.HasSuffix(v.Name, "_seconds"):
		return humanSeconds(v.Value)
	case strings.HasSuffix(v.Name, "_bytes") && v.Value >= 0:
		return bytesText(v.Value)
	}
	return strings.TrimSuffix(humanize.CommafWithDigits(v.Value, 3), ".000")
}

// humanName is a measurement's name without the unit, followed by its labels.
func humanName(v suite.Value) string {
	name := strings.TrimSuffix(strings.TrimSuffix(v.Name, "_seconds"), "_bytes")
	series := suite.Value{Name: strings.ReplaceAll(name, "_", " "), Labels: v.Labels}.Series()
	if before, labels, ok := strings.Cut(series, "{"); ok {
		return before + " (" + strings.ReplaceAll(strings.TrimSuffix(labels, "}"), `"`, "") + ")"
	}
	return series
}

// briefValue is a measurement in a few words, "" when it can be left out of a summary: none of
// what is counted, and how long each check took.
func briefValue(v suite.Value) string {
	counted := !strings.HasSuffix(v.Name, "_seconds") && !strings.HasSuffix(v.Name, "_bytes")
	none := v.Value == 0 && counted && v.Name != "rows" || strings.HasSuffix(v.Name, "_budget_seconds")
	if none || v.Name == suite.ClaimMetric || v.Name == suite.FaultMetric || v.Name == "check_duration_seconds" {
		return ""
	}
	words := []string{strings.TrimSuffix(strings.TrimSuffix(v.Name, "_seconds"), "_bytes")}
	for _, label := range slices.Sorted(maps.Keys(v.Labels)) {
		words = append(words, v.Labels[label])
		if label == "days" {
			words = append(words, label)
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), "_", " ") + " " + humanValue(v)
}
