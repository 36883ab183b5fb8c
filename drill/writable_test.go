package drill

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
)

// keyAnswer is what became of the question whether the drill's own key may write.
type keyAnswer struct {
	writable repository.Writable
	err      error
}

// askKey begins to ask the store whether the drill's own key may write. The archive is
// listed meanwhile.
func (d *drill) askKey(ctx context.Context) error {
	d.key = make(chan keyAnswer, 1)
	go func() {
		writable, err := d.repo.MayWrite(ctx, d.control.Dial, d.run)
		d.key <- keyAnswer{writable, err}
	}()
	return nil
}

// readOnlyKey judges the answer. A drill only reads, so a key that may write is more than it
// needs: the one thing that would let a careless sandbox spoil the archive.
func (d *drill) readOnlyKey(ctx context.Context) error {
	var answer keyAnswer
	select {
	case answer = <-d.key:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch answer.writable {
	case repository.ReadOnly:
		d.note("the drill's key cannot write: the object store refuses it")
		return nil
	case repository.MayWrite:
		return d.keyMayWrite(answer.err)
	case repository.Untold:
	}
	if !d.settings.RequireReadonly {
		d.note("whether the drill's key may write is not known: %s", pgbackrest.Printable(answer.err.Error()))
		return nil
	}
	if _, known := reason.Of(answer.err); known {
		return reason.Errorf(reason.ConfigInvalid, "-require-readonly cannot be proved here: %w", answer.err)
	}
	return reason.Errorf(reason.RepoUnreachable, "-require-readonly asks for a proof, and the object store gave no clear answer to a write: %w", answer.err)
}

func (d *drill) keyMayWrite(left error) error {
	if left != nil {
		d.note("warning: %s", pgbackrest.Printable(left.Error()))
	}
	option := fmt.Sprintf("repo%d-s3-key", d.settings.Repo)
	const mend = "give the drill a pair that only lists and reads (dr_drill_s3_key and dr_drill_s3_key_secret of the role)"
	if d.settings.RequireReadonly {
		return reason.Errorf(reason.IsolationBreached, "the drill's own key (%s in %s) may write to the repository: %s", option, d.repo.Conf.Path, mend)
	}
	d.note("the drill's key (%s) may write to the repository, which a drill never needs: %s; -require-readonly makes it a finding", option, mend)
	return nil
}
