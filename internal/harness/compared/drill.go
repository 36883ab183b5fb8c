package compared

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
)

// drillTime bounds one drill; testprom has a limit of its own, much later.
const drillTime = 15 * time.Minute

// outcome is a drill, as its report has it.
type outcome struct {
	drilltest.Outcome
}

// drill is one drill of the cluster, whatever it ends as. What it leaves is in a directory of that name.
func (c *cluster) drill(ctx context.Context, o Options, name string, args ...string) (outcome, error) {
	tmp := filepath.Join(o.Scratch, name)
	f, err := drilltest.StartUnattended(o.Programs, tmp, filepath.Join(o.Out, name),
		append([]string{"-conf", c.conf(), "-stanza", stanza}, args...)...)
	if err != nil {
		return outcome{}, err
	}
	left, err := f.End(ctx, drillTime)
	return outcome{left}, errors.Join(err, os.RemoveAll(tmp))
}

// pass is a drill that must pass.
func (c *cluster) pass(ctx context.Context, o Options, name string, args ...string) (outcome, error) {
	left, err := c.drill(ctx, o, name, args...)
	if err == nil && left.Status != reason.ExitPass {
		err = errors.New(left.Said)
	}
	return left, err
}

// measured is a measurement without labels; one that is not there is -1.
func (o outcome) measured(name string) float64 {
	for _, v := range o.Report.Values {
		if v.Name == name {
			return v.Value
		}
	}
	return -1
}

// noted is the first note with words.
func (o outcome) noted(words string) string {
	for _, note := range o.Report.Notes {
		if strings.Contains(note, words) {
			return note
		}
	}
	return ""
}
