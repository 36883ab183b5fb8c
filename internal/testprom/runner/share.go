package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/testreport"
)

// Party is this host among those that drill in one place: an Incus project that they share.
type Party interface {
	// Due says why a stanza is not to be drilled here now, "" when it is, and of when the verdict is that says so, with
	// its exit status.
	Due(ctx context.Context, stanza string, age time.Duration) (why string, at time.Time, exit int, err error)
	// Begin takes a stanza for this host until a time at the latest; the error is locked while another one has it.
	// end tells the others the exit status, whether the run went to the end of the archive, and whether that is red,
	// and gives it back.
	Begin(ctx context.Context, stanza string, until time.Time) (
		end func(ctx context.Context, exit int, went, red bool) error, err error)
	// End says when another host went to the end of the archive last, and whether that was red; zero where none did.
	End(ctx context.Context, stanza string) (at time.Time, red bool, err error)
}

// partyTime bounds what is asked of the others, or told them.
const partyTime = 2 * time.Minute

// exitNotDue is that of -due where another host's verdict is young: a unit's ExecCondition= skips the run then.
const exitNotDue = 1

// errNoParty is a build, or a machine, that shares nothing.
var errNoParty = errors.New("there is no Incus here that hosts could share: build testprom with -tags drill, and " +
	"name the daemon with " + remoteVariable + " and " + projectVariable + ", or with the drill's -incus-remote and " +
	"-incus-project")

// due is testprom -due: it says whether a stanza is to be drilled here now, and runs nothing. When nobody can be asked
// it is: two drills are better than none.
func (w World) due(o options) int {
	stanza, place, err := w.dueStanza(o)
	if err != nil {
		return w.fail(err)
	}
	party := w.party(place)
	if party == nil {
		return w.fail(fmt.Errorf("-due: %w", errNoParty))
	}
	ctx, cancel := context.WithTimeout(context.Background(), partyTime)
	defer cancel()
	why, at, exit, err := party.Due(ctx, stanza, o.due)
	switch {
	case err != nil:
		w.warn(fmt.Errorf("-due: nobody could be asked, so stanza %s is due: %w", stanza, err))
	case why == "":
		_, _ = fmt.Fprintf(w.Stdout, "stanza %s is due: no other host reached a verdict in the last %v\n",
			printable(stanza), o.due)
	default:
		_, _ = fmt.Fprintf(w.Stdout, "stanza %s is not due: %s\n", printable(stanza), printable(why))
		if o.textfile != "" {
			if err = w.Textfile.Forget(o.textfile, o.suite, stanza, at, w.Now()); err != nil {
				w.warn(err)
			}
		}
		if o.report != "" {
			if err = w.reportElsewhere(o.report, stanza, why, at, exit); err != nil {
				w.warn(err)
			}
		}
		return exitNotDue
	}
	return reason.ExitPass
}

// dueStanza is the one that COMMAND, which is not run, or the environment names, and where it is drilled.
func (w World) dueStanza(o options) (stanza string, place Place, err error) {
	stanza, place = lookup(w.Env, "DRILL_STANZA"), w.place()
	if len(o.command) > 0 {
		var c command
		if c, err = prepare(o.suite, o.command, w.Env, nil); err != nil {
			return "", place, fmt.Errorf("-due: %w", err)
		}
		stanza, place = c.stanza, c.place
	}
	if stanza = cmp.Or(o.as, stanza); stanza == "" {
		return "", place, errors.New("-due: of which stanza? Say DRILL_STANZA, or the command with its -stanza " +
			"after --")
	}
	return stanza, place, nil
}

// share takes the stanza for this host among those of the place. Whoever cannot be asked keeps nobody from a drill;
// that another host is at it does: ok is false then.
func (r *run) share(c command) (tell func(exit int, went, red bool), ok bool) {
	if !r.options.share {
		return nil, true
	}
	party, stanza := r.party(c.place), cmp.Or(r.as, c.stanza)
	if party == nil || stanza == "" {
		err := errNoParty
		if party != nil {
			err = errors.New("say -stanza")
		}
		r.collector.Stop(reason.ConfigInvalid, "-share: "+err.Error())
		return nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), partyTime)
	defer cancel()
	give, err := party.Begin(ctx, stanza, r.Now().Add(r.limit(c)+reapTime))
	if why, _ := reason.Of(err); why == reason.Locked {
		r.collector.Stop(reason.Locked, err.Error())
		return nil, false
	}
	if err != nil {
		r.warn(fmt.Errorf("-share: the other hosts are not told: %w", err))
		return nil, true
	}
	if r.elsewhere.At, r.elsewhere.Red, err = party.End(ctx, stanza); err != nil {
		r.unheard = true
		r.warn(fmt.Errorf("-share: what the other hosts found is not known: %w", err))
	}
	return func(exit int, went, red bool) {
		ctx, cancel := context.WithTimeout(context.Background(), partyTime)
		defer cancel()
		if err := give(ctx, exit, went, red); err != nil {
			r.warn(fmt.Errorf("-share: the other hosts are not told: %w", err))
		}
	}, true
}

// told is the exit status that the other hosts hear: that of the verdict on the backups of now, else that of none.
// A verdict that the textfile does not hold alarms nobody, and is none to rely on.
func (r *result) told(notOfNow string, unwritten error) int {
	switch {
	case notOfNow != "" || unwritten != nil:
		return reason.ExitEnvironment
	case r.Backups == testreport.AtFault,
		r.Backups == testreport.Sound && len(r.knownRed) > 0 && r.suite.Name == suite.Drill.Name:
		return reason.ExitFailed
	case r.Backups == testreport.Sound:
		return reason.ExitPass
	}
	return reason.ExitEnvironment
}

// tells has the others hear the verdict. One that says nothing of the end of the archive must not replace one that
// could not be read, and that may say it is red: a pass is not told then, and a red one is taken for one of the end.
func (r *run) tells(res *result, unwritten error) {
	if r.tell == nil {
		return
	}
	exit := res.told(r.notOfNow(res.Labels), unwritten)
	if exit == reason.ExitPass && res.aimed && r.unheard {
		exit = reason.ExitEnvironment
	}
	red := res.went() || r.unheard || slices.Contains(res.knownRed, suite.EndOfArchive)
	r.tell(exit, res.went(), exit == reason.ExitFailed && red)
}

// endElsewhere is what another host found at the end of the archive, unless this one has been there since; after one
// that found it sound, this one need not have come to the end.
func (r *run) endElsewhere(last *report.Known) suite.EndElsewhere {
	if last != nil && !last.End.Before(r.elsewhere.At) && (last.ToTheEnd || !r.elsewhere.Red) {
		return suite.EndElsewhere{}
	}
	return r.elsewhere
}

func (w World) party(in Place) Party {
	if w.Party == nil {
		return nil
	}
	return w.Party(in)
}

// warn says what changes no verdict.
func (w World) warn(err error) {
	_, _ = fmt.Fprintln(w.Stderr, w.program()+":", printable(strings.ReplaceAll(err.Error(), "\n", "; ")))
}
