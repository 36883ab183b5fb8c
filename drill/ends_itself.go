package drill

import (
	"context"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// endsItselfTime bounds the second asking: what has not wanted to end its session by then was slow, and was
// ended by somebody else.
const endsItselfTime = 10 * time.Second

// endsItself is the fault of data that ends the session it is asked in, nil where none does. The log does not tell
// that from somebody outside who did. So, where a session was told to end, the functions that do it are taken
// away, and the checks are asked once more: what wanted them is refused then, by name.
func (r recovered) endsItself(ctx context.Context, ended error) error {
	if !verify.ToldToEnd(ended) || r.cluster.server.Kept { // whose functions stay as they are
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endsItselfTime)
	defer cancel()
	if r.cluster.server.RefuseEnding(ctx) != nil {
		return nil // the server is gone, or cannot do it: nothing is known
	}
	outcomes, _ := verify.Run(ctx, r.cluster.server.ConnectReader, r.checks, r.foundEnd()) // what it says is in them
	for _, o := range outcomes {
		if o.Status == verify.Failed && refusedToEnd(o.Sentence) {
			return reason.Errorf(reason.SmokeQuery, "%s: the check ends its own session", o.Sentence)
		}
	}
	return nil
}

// refusedToEnd says whether a check wanted a function that ends sessions, which it may not have
// (insufficient_privilege).
func refusedToEnd(sentence string) bool {
	return strings.Contains(sentence, "42501") &&
		(strings.Contains(sentence, "pg_terminate_backend") || strings.Contains(sentence, "pg_cancel_backend"))
}
