package drill

import (
	"context"
	"errors"
	"os"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/view"
)

// control drills a view of the repository, in which one thing at a time is broken. The repository itself is only read.
type control struct {
	request // of a drill through the view
	view    *view.View
	chosen  chosen // what is broken
	// restores says that the set was restored through the view while nothing of it was broken.
	restores bool
}

// openControl opens the repository as a drill does, puts a view in front of it, and looks through it at what can be
// broken. What a drill would be red for without any fault keeps everything from being judged.
func openControl(ctx context.Context, out suite.Out, r request) (*control, error) {
	out.Label("environment", r.env.Name)
	asked, err := r.pending.Load(os.Environ())
	if err == nil {
		err = refuseControl(asked)
	}
	if err != nil {
		return nil, err
	}
	base, err := session.Open(ctx, out, session.Request{Environment: r.env, Settings: cheap(asked)})
	if err != nil {
		return nil, notJudged(err)
	}
	caFile := base.Control.Dir("etc") + "/view-ca.crt"
	seen, err := view.Open(ctx, base.Client.Repository, base.Source, base.Control.Dial, caFile)
	out.Undo(func(ctx context.Context, _ suite.Out) error { return seen.Close(ctx) })
	if err == nil {
		err = base.Control.Put(ctx, caFile, seen.CA, 0o644, "")
	}
	if err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	c := &control{view: seen, request: request{
		env: r.env.ThroughHere(), pending: r.pending, view: &session.View{Of: base, From: seen.Source},
	}}
	return c, c.choose(ctx, out)
}

// cheap are the settings of a drill that goes no further than a fault shows: what does not lead there is left out. The
// view listens on this host alone, so of a cluster the sandbox is on this member.
func cheap(asked settings.Settings) settings.Settings {
	asked.Deep, asked.Compare, asked.Standby, asked.Primary = nil, settings.CompareNone, "", ""
	asked.Target, asked.State, asked.Suggest = settings.Settings{}.Target, "", ""
	asked.Keep, asked.RequireReadonly, asked.Member = false, false, settings.ThisMember
	return asked
}

// refuseControl refuses settings that no view can be made for.
func refuseControl(asked settings.Settings) error {
	switch {
	case !asked.RepoTargetTime.IsZero():
		return reason.Errorf(reason.ConfigInvalid, "-repo-target-time: the control asks whether a drill of the "+
			"repository as it is would be red: leave it out")
	case asked.Remote != "":
		return reason.Errorf(reason.ConfigInvalid, "-incus-remote %s: the view of the repository listens on the "+
			"loopback of this machine alone, which the daemon there does not reach: run the control where the "+
			"daemon is, or without a container", asked.Remote)
	}
	return nil
}

// choose drills the view without a fault as far as preflight goes, and chooses what to break.
func (c *control) choose(ctx context.Context, out suite.Out) (err error) {
	inner := apart(out)
	defer func() { err = errors.Join(err, c.leave(inner)) }()
	out.Say("a drill without a fault, up to preflight")
	found, err := preflight(ctx, inner, c.request)
	if err = notJudged(suite.Drill.Judge(ctx, "preflight", err)); err != nil {
		return err
	}
	p := found.plan
	out.Label("pg_version", p.major())
	out.Label(suite.SetLabel, p.set.Label)
	out.Label("backup_type", p.set.Type)
	files, err := found.Client.Pgbackrest.List(ctx, "backup/"+found.Stanza()+"/"+p.set.Label)
	if err != nil {
		return notJudged(reason.Wrap(reason.RepoUnreachable, err))
	}
	p.chain.Entries = archiveAlone(p.chain.Entries, p.ownSegments(ctx, found.Client))
	encrypted := found.Client.Conf.Repo(found.Stanza(), found.Settings.Repo).Encrypted()
	if c.chosen, err = choose(p, p.directory(found.Client), files, encrypted); err != nil {
		return err
	}
	c.chosen.cut.Path = "backup/" + found.Stanza() + "/" + p.set.Label + "/" + c.chosen.cut.Path
	return nil
}

// notJudged is for what a drill is red for although nothing is broken in its view: it says so itself, and nothing can
// be said of the drill. What the environment does stays what it is.
func notJudged(err error) error {
	if why, _ := reason.Of(err); err != nil && why.Exit() == reason.ExitFailed {
		return reason.Errorf(reason.NoTests, "a drill is red without any fault of the control's (%s): nothing can be "+
			"said of what it finds until that is mended: %v", why, err)
	}
	return err
}

// apart is for a drill within the control: what it leaves is undone with the control at the latest.
func apart(out suite.Out) suite.Out {
	inner := out.Apart()
	out.Undo(func(ctx context.Context, _ suite.Out) error { return inner.Undone(ctx) })
	return inner
}

// leave tears down what a drill within the control has made. What could not be undone is tried once more in the end.
func (c *control) leave(inner suite.Out) error {
	ctx, cancel := suite.Cleanup()
	defer cancel()
	return teardown(ctx, inner)
}
