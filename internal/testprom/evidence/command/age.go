package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// age is a flag's time, in which days may stand: 8d, 1d12h, 36h.
type age time.Duration

// ago is a time as a person says it.
func ago(d time.Duration) string {
	if d < 2*day {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%.1f days", d.Hours()/day.Hours())
}

// String is as Set takes it.
func (a *age) String() string {
	d := time.Duration(*a)
	if d > 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// Set reads one.
func (a *age) Set(text string) error {
	var d time.Duration
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n <= 36500) {
			return errors.New("write it as 8d or 36h")
		}
		d, text = time.Duration(n*float64(day)), rest
	}
	if text != "" || d == 0 {
		more, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("write it as 8d or 36h")
		}
		d += more
	}
	if d <= 0 {
		return errors.New("must be more than 0")
	}
	*a = age(d)
	return nil
}
