package runner

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/whole"
)

// errOtherSuite is why a textfile is refused that another suite writes.
var errOtherSuite = errors.New("give each suite a file of its own")

// check finds out before the run what would keep its result from being written. What cannot be is asked for no
// more: the rest can still tell of it.
func (r *run) check() error {
	var found []error
	for _, out := range []struct {
		path  *string
		check func(path string) error
	}{
		{&r.textfile, r.checkTextfile},
		{&r.report, whole.Check},
		{&r.history, checkHistory},
		{&r.options.junit, whole.Check},
		{&r.options.stream, whole.Check},
		{&r.options.evidence, r.checkEvidence},
	} {
		if *out.path == "" {
			continue
		}
		err := out.check(*out.path)
		if err != nil {
			found = append(found, err)
			*out.path = ""
		}
		if errors.Is(err, errOtherSuite) { // then these are likely to be the other suite's, too
			r.report, r.options.junit, r.options.evidence = "", "", ""
		}
	}
	return errors.Join(found...)
}

func (r *run) checkTextfile(path string) error {
	if err := whole.Check(path); err != nil {
		return err
	}
	if err := r.Textfile.CheckOld(path); err != nil {
		return err
	}
	return r.refuseOtherSuite(path)
}

func checkHistory(path string) error {
	if err := whole.Check(path); err != nil {
		return err
	}
	return checkAppend(path)
}

// refuseOtherSuite refuses the textfile of another suite: its verdicts would be gone.
func (r *run) refuseOtherSuite(path string) error {
	for _, other := range suite.Suites {
		if other.Name != r.suite.Name && r.Textfile.Holds(path, other.Namespace) {
			return fmt.Errorf("cannot write %s for -suite %s: it holds what -suite %s found; %w",
				path, r.suite.Name, other.Name, errOtherSuite)
		}
	}
	return nil
}

// refuse ends a run before it begins, since part of its result could not be written: that is told wherever it can be,
// for a textfile that says nothing of it would tell for a week that all is well.
func (r *run) refuse(why error) int {
	if r.textfile+r.report+r.history+r.options.junit+r.options.evidence == "" {
		return r.fail(why)
	}
	if len(r.command) > 0 {
		c, _ := prepare(r.suite, r.command, r.Env, r.lasted) // an error is no news: nothing is run
		r.stanza, r.past = c.stanza, c.past
	} else {
		r.stanza = lookup(r.Env, "DRILL_STANZA")
	}
	r.collector.Stop(refusal(why), strings.ReplaceAll(why.Error(), "\n", "; "))
	r.tee = &tee{}
	res := r.result(r.Now(), nil)
	res.duration = -1 // nothing ran that could have taken any
	return r.publish(res, why)
}

// refusal is the reason of what could not be written.
func refusal(why error) reason.Reason {
	if errors.Is(why, syscall.ENOSPC) || errors.Is(why, syscall.EDQUOT) {
		return reason.DiskSpace
	}
	return reason.ConfigInvalid
}
