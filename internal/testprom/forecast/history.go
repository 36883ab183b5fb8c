package forecast

import (
	"bufio"
	"errors"
	"io"
	"slices"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// Kind is which passes go together: a drill elsewhere takes another time.
type Kind struct {
	Stanza      string
	Environment string // "" is that of the newest pass
}

// maxRTO bounds what is taken for a time, in seconds: thirty years.
const maxRTO = 1e9

// maxLine bounds a line of a history, in bytes: the report of a run has some kilobytes.
const maxLine = 4 << 20

// Read reads the passes of a kind from a history, a report a line as `testprom -history` writes it. Drills with
// -target, and those of the repository as it was or of a cluster that was left, restore something else and do not
// count. A line that cannot be read is left out; the error is the reader's.
func Read(history io.Reader, kind Kind) ([]Pass, error) {
	var found []drilled
	err := eachReport(history, func(r report.Report) {
		if p, ok := passOf(r, kind.Stanza); ok {
			found = append(found, drilled{p, r.Labels["environment"]})
		}
	})
	if err != nil {
		return nil, err
	}
	return of(found, kind.Environment), nil
}

// eachReport takes the reports of a history in their order. A line that cannot be read is left out; the error is the
// reader's.
func eachReport(history io.Reader, take func(report.Report)) error {
	reader := bufio.NewReaderSize(history, 64<<10)
	for {
		text, err := lineOf(reader)
		if r, bad := report.Parse(text); bad == nil {
			take(r)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// lineOf is the next line, empty when it is too long.
func lineOf(reader *bufio.Reader) (line []byte, err error) {
	long := false
	for {
		part, err := reader.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// drilled is a pass, and where it was drilled.
type drilled struct {
	Pass
	environment string
}

// of leaves out what was drilled elsewhere.
func of(found []drilled, environment string) (list []Pass) {
	if environment == "" && len(found) > 0 {
		environment = slices.MaxFunc(found, func(a, b drilled) int { return a.At.Compare(b.At) }).environment
	}
	for _, d := range found {
		if d.environment == environment {
			list = append(list, d.Pass)
		}
	}
	return list
}

// passOf is the pass that a report speaks of; ok is false where it is none that counts.
func passOf(r report.Report, stanza string) (p Pass, ok bool) {
	if r.Suite != suite.Drill.Name || r.Stanza != stanza || !r.Passed() || r.NotOfNow() != "" ||
		r.Labels[suite.TargetLabel] != "" {
		return p, false
	}
	p = Pass{At: r.End, RTO: -1, Restore: -1}
	if rto := r.Value("rto_seconds"); rto != nil {
		p.RTO = *rto
	}
	if restore := r.Seconds("restore"); restore != nil {
		p.Restore = min(*restore, p.RTO)
	}
	return p, p.RTO >= 0 && p.RTO < maxRTO
}
