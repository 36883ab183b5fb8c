package session

import (
	"context"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// tag says whose a machine is, and how long it is wanted.
func (s Session) tag(stanza string) sandbox.Spec {
	return sandbox.Spec{Stanza: stanza + s.Suffix, Run: s.Run, Until: s.until}
}

// Spec is what a machine of this run is launched with: whose it is, and the ways out to the
// repository that it needs.
func (s Session) Spec(ctx context.Context, out suite.Out) sandbox.Spec {
	return s.Client.Egress(ctx, out, s.tag(s.Stanza()))
}

// ask makes the control machine, with a way to the repository, and finds pgBackRest on it.
// What a machine without a network cannot reach is refused before anything is made.
func (s *Session) ask(ctx context.Context, out suite.Out, repo repository.Repository, tag sandbox.Spec) (err error) {
	if !s.Environment.Local {
		if err = repo.CheckServed(out, s.Environment.Name); err != nil {
			return err
		}
	}
	control, err := s.Environment.Control(s.Settings).Launch(ctx, repo.Egress(ctx, out, tag))
	if control != nil {
		out.Undo(func(ctx context.Context, _ suite.Out) error { return control.Destroy(ctx) })
	}
	if err = reason.Wrap(reason.SandboxFailed, err); err == nil {
		err = Ready(ctx, control)
	}
	if err != nil {
		return err
	}
	doubt, err := repo.Reach(ctx, out, control)
	if err != nil {
		return err
	}
	s.Control = control
	if s.Client, err = repo.Equip(ctx, control, s.Environment.Here, doubt); err != nil {
		return err
	}
	if s.Version, err = s.Client.Pgbackrest.Version(ctx); err != nil {
		return err
	}
	out.Label("pgbackrest_version", s.Version)
	return repo.CheckVersion(s.Version, "is installed here")
}

// Ready waits until a machine reaches the object stores it was launched for.
func Ready(ctx context.Context, machine sandbox.Sandbox) error {
	late, ok := machine.(sandbox.Waiter)
	if !ok {
		return nil
	}
	return reason.Wrap(reason.SandboxFailed, late.Ready(ctx))
}
