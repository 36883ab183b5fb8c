package drill

import (
	"context"
	"os"
	"time"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// Bounds of things that take no time when all is well.
const (
	toolTimeout = 30 * time.Second // one small command
	clocksApart = 5 * time.Second  // how far two clocks may be from each other
	lookEvery   = 2 * time.Second  // between two looks at a long restore or replay
)

// request is what a drill was asked for. Nothing changes it: what is made of it is a plan.
type request struct {
	env     environment.Environment
	pending *settings.Pending
	real    *nodeRestore  // nil in a drill
	view    *session.View // what a control looks through; nil in a drill
}

// ready is what preflight found: something to restore, and nothing that speaks against it.
type ready struct {
	session.Session
	checks []verify.Check // of the operator's
	plan   plan
	room   sandbox.Room // where the sandbox's data will lie
	real   *nodeRestore // a restore for real; nil in a drill
	// compared is the comparison with a standby; nil where none is asked for.
	compared *comparison
}

// preflight finds out, before anything is restored, whether there is something to
// restore and whether it is whole. What waiting cannot mend fails here, in seconds.
func preflight(ctx context.Context, out suite.Out, r request) (found ready, err error) {
	out.Label("environment", r.env.Name)
	asked, err := r.pending.Load(os.Environ())
	if err != nil {
		return found, err
	}
	if err = r.real.refuseSettings(asked); err != nil {
		return found, err
	}
	if r.view != nil {
		asked = cheap(asked)
	}
	tellPast(out, asked.RepoTargetTime)
	tellScope(out, asked)
	if r.real == nil {
		publishBudgets(out, asked)
	}
	warn(ctx, out, r.env, asked)
	if found.checks, err = verify.LoadChecks(asked.Checks, asked.Database, asked.MinUsers); err != nil {
		return found, err
	}
	found.real = r.real
	if found.Session, err = session.Open(ctx, out, r.session(asked)); err != nil {
		return found, err
	}
	if found.Seeded == nil && asked.Checks == "" && !asked.MinUsersGiven {
		found.checks[0] = found.checks[0].Assumed()
	}
	info, err := askInfo(ctx, out, found.Session)
	if err != nil {
		return found, err
	}
	for _, option := range found.Client.Conf.RestoreOptions(found.Stanza()) {
		out.Note("not obeyed here: %s", option)
	}
	if r.real != nil { // a node's key writes: it takes the backups
		if found.plan, err = makePlan(ctx, out, found.Session, found.Client, info); err == nil {
			err = found.tellLeft(out)
		}
		return found, err
	}
	access := askKeyAccess(ctx, found.Session) // the archive is listed meanwhile
	if found.plan, err = makePlan(ctx, out, found.Session, found.Client, info); err != nil {
		return found, err
	}
	if err = found.tellLeft(out); err != nil {
		return found, err
	}
	tellManifest(ctx, out, found.Session, found.plan)
	tellMaps(ctx, out, found.Session, found.plan)
	tellDirectory(out, found.Session)
	if r.view == nil { // said once is enough
		tellWarnings(ctx, out, found.Session)
	}
	if found.room, err = askRoom(ctx, out, found.Session, found.plan.need()); err != nil {
		return found, err
	}
	if err = checkKeyAccess(ctx, out, found.Session, access); err != nil {
		return found, err
	}
	found.compared, err = beginComparison(ctx, out, found)
	return found, err
}

// session is what the session is opened for.
func (r request) session(asked settings.Settings) session.Request {
	return session.Request{
		Environment: r.env, Settings: asked, Suffix: r.real.suffix(), AcceptLoss: r.real != nil && r.real.AcceptLoss,
		View: r.view,
	}
}

// warn tells of settings that will not do what they seem to.
func warn(ctx context.Context, out suite.Out, env environment.Environment, asked settings.Settings) {
	if deadline, ok := ctx.Deadline(); ok {
		warnOfDeadline(out, time.Until(deadline).Round(time.Second), asked)
	}
	if asked.Image != "" && env.Local {
		out.Note("-image %s is not used: this environment restores into a directory", asked.Image)
	}
}

// warnOfDeadline tells what will not fit into what is left of the run.
func warnOfDeadline(out suite.Out, left time.Duration, asked settings.Settings) {
	checks := left - asked.RTO - deepReserve // a restore that takes its whole budget leaves that much
	switch {
	case left < asked.RTO:
		out.Note(
			"warning: the test's deadline leaves %s, less than the RTO budget of %s: give go test a longer -timeout",
			left, asked.RTO,
		)
	case len(asked.Deep) > 0 && checks < asked.CheckBudget:
		out.Note("warning: -check-budget %s is cut to %s where the restore takes its whole budget of %s, since the "+
			"test's deadline leaves %s: give go test a longer -timeout", asked.CheckBudget, max(checks, 0), asked.RTO,
			left)
	}
}

// checkVersions compares what is installed here with what the backup was made by.
func checkVersions(ctx context.Context, out suite.Out, s session.Session, p plan) error {
	out.Label("pg_version", p.major())
	if !s.Environment.Local {
		return session.CheckReads(s.Control, s.Version, p.set, p.major())
	}
	installation, err := session.FindServer(ctx, s.Control, s.Version, p.set, p.major())
	if err == nil {
		out.Say("PostgreSQL %s, pgBackRest %s", installation.Version, s.Version)
	}
	return err
}
