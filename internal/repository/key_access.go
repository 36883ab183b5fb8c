package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// probeTime bounds the question whether the key may write.
const probeTime = 10 * time.Second

// Writable is what the store says of the conf's own key.
type Writable int

// The answers. Untold is a store that cannot say, or did not.
const (
	Untold Writable = iota
	ReadOnly
	MayWrite
)

// MayWrite asks whether the conf's own key may write to the repository, and leaves nothing
// behind. The error of Untold is config_invalid where the store will never be able to say,
// else it carries no reason; that of MayWrite names what could not be taken back.
func (r Repository) MayWrite(ctx context.Context, dial objectstore.Dial, run string) (Writable, error) {
	objects, err := r.Objects(dial)
	if err != nil {
		return Untold, err
	}
	store, ok := objects.(objectstore.Probed)
	if !ok {
		return Untold, reason.Errorf(reason.ConfigInvalid, "%s: repository %d is of type %s, which knows no keys",
			r.Conf.Path, r.Key, r.repo().Type())
	}
	ctx, cancel := context.WithTimeoutCause(ctx, probeTime, fmt.Errorf("no answer within %s", probeTime))
	defer cancel()
	may, err := store.MayWrite(ctx, "archive/"+r.Stanza+"/veza-drill-write-probe-"+run)
	switch {
	case may:
		return MayWrite, err
	case err != nil:
		if wait.Over(ctx) {
			err = errors.Join(context.Cause(ctx), err)
		}
		return Untold, err
	}
	return ReadOnly, nil
}
