package drill

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// keyAccess is what became of the question whether the drill's own key may write.
type keyAccess struct {
	writable repository.Writable
	err      error
}

// askKeyAccess begins to ask the store whether the drill's own key may write.
func askKeyAccess(ctx context.Context, s session.Session) <-chan keyAccess {
	answer := make(chan keyAccess, 1)
	go func() {
		writable, err := s.Client.MayWrite(ctx, s.Control.Dial, s.Run)
		answer <- keyAccess{writable, err}
	}()
	return answer
}

// checkKeyAccess judges the answer. A drill only reads, so a key that may write is more than it
// needs: the one thing that would let a careless sandbox spoil the archive.
func checkKeyAccess(ctx context.Context, out suite.Out, s session.Session, asked <-chan keyAccess) error {
	if s.View != nil { // a view refuses every write, whatever the key may do
		return nil
	}
	var answer keyAccess
	select {
	case answer = <-asked:
	case <-ctx.Done():
	}
	if wait.Over(ctx) {
		return context.Cause(ctx)
	}
	out.Label(suite.KeyAccessLabel, map[repository.Writable]string{
		repository.ReadOnly: "readonly", repository.MayWrite: "writes", repository.Untold: "unknown",
	}[answer.writable])
	switch answer.writable {
	case repository.ReadOnly:
		out.Note("the drill's key cannot write: the object store refuses it")
		return nil
	case repository.MayWrite:
		return keyMayWrite(out, s, answer.err)
	case repository.Untold:
	}
	if !s.Settings.RequireReadonly {
		out.Note("whether the drill's key may write is not known: %s", pgbackrest.Printable(answer.err.Error()))
		return nil
	}
	if _, known := reason.Of(answer.err); known {
		return reason.Errorf(reason.ConfigInvalid, "-require-readonly cannot be proved here: %w", answer.err)
	}
	return reason.Errorf(reason.RepoUnreachable,
		"-require-readonly asks for a proof, and the object store gave no clear answer to a write: %w", answer.err)
}

// keyMayWrite is a note, or with -require-readonly a finding; left is what the question could
// not take back.
func keyMayWrite(out suite.Out, s session.Session, left error) error {
	if left != nil {
		out.Note("warning: %s", pgbackrest.Printable(left.Error()))
	}
	option := fmt.Sprintf("repo%d-s3-key", s.Settings.Repo)
	variable := "dr_drill_s3_key"
	if s.Settings.Repo == 2 {
		variable = "dr_drill_repo2_s3_key"
	}
	mend := fmt.Sprintf("give the drill a pair that only lists and reads (%s and %[1]s_secret of the role)", variable)
	if s.Settings.RequireReadonly {
		return reason.Errorf(reason.IsolationBreached, "the drill's own key (%s in %s) may write to the repository: %s",
			option, s.Client.Conf.Path, mend)
	}
	out.Note(
		"the drill's key (%s) may write to the repository, which a drill never needs: %s; -require-readonly makes "+
			"it a finding",
		option,
		mend,
	)
	return nil
}
