package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/sandbox"
)

// Options of a run.
type Options struct {
	Sizes    []float64       // gigabytes of the databases that show the drill's own share
	Segments int             // of the source with much to replay; 0 leaves it out
	Delays   []time.Duration // round trips
	Rounds   int
	Cache    string // directory of the sources
	Scratch  string // an empty directory, open to user postgres; TMPDIR of everything
	Programs string // directory with testprom and the drill
	Build    string // which build that is
	Provider sandbox.Provider
	Before   *Result // an earlier run, for the estimates; nil for none
	Lines    io.Writer
}

// Numbers reads "0.1,1,5": numbers that are not negative; "" is none.
func Numbers(text string) (list []float64, err error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(n >= 0) || n > 1e6 {
			return nil, fmt.Errorf("%q is no number of them: write some, such as 0.1,1,5", part)
		}
		list = append(list, n)
	}
	return list, nil
}

// RoundTrips reads "0,20": milliseconds.
func RoundTrips(text string) (list []time.Duration, err error) {
	numbers, err := Numbers(text)
	for _, n := range numbers {
		list = append(list, time.Duration(n*float64(time.Millisecond)))
	}
	return list, err
}

// recipes are the sources of a run, the long one first.
func (o Options) recipes(v versions) (list []Recipe) {
	if o.Segments > 0 {
		list = append(list, replayed(o.Segments))
	}
	for _, size := range o.Sizes {
		list = append(list, sized(size))
	}
	for i := range list {
		list[i].PostgreSQL, list[i].PgBackRest = v.postgresql, v.pgbackrest
	}
	return list
}
