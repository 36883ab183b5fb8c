package drill

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// A key that may write is a note, and with -require-readonly a breach; where that cannot be
// known, -require-readonly is not proved, and without it nobody fails.
func TestCheckKeyAccess(t *testing.T) {
	left := errors.New("left X")
	silent := errors.New("no answer within 10s")
	unable := reason.Errorf(reason.ConfigInvalid, "repository 1 is of type posix, which knows no keys")
	for name, c := range map[string]struct {
		answer  keyAccess
		without reason.Reason
		with    reason.Reason
		says    string
	}{
		"it only reads":      {keyAccess{repository.ReadOnly, nil}, "", "", "cannot write"},
		"it may write":       {keyAccess{repository.MayWrite, nil}, "", reason.IsolationBreached, "may write"},
		"it left something":  {keyAccess{repository.MayWrite, left}, "", reason.IsolationBreached, "left X"},
		"nobody answers":     {keyAccess{repository.Untold, silent}, "", reason.RepoUnreachable, "not known"},
		"nobody ever could":  {keyAccess{repository.Untold, unable}, "", reason.ConfigInvalid, "not known"},
		"nothing was filled": {keyAccess{err: silent}, "", reason.RepoUnreachable, "not known"},
	} {
		var heard recorder
		s := session.Session{
			Client: repository.Client{
				Repository: repository.Repository{Conf: repository.Conf{Config: &pgbackrest.Config{Path: "/c"}}},
			},
		}
		requireReason(t, c.without, checkKeyAccess(t.Context(), suite.NewOut(&heard), s, answered(c.answer)), name)
		assert.Contains(t, heard.String(), c.says, name)
		s.Settings = settings.Settings{RequireReadonly: true}
		requireReason(t, c.with, checkKeyAccess(t.Context(), suite.NewOut(&recorder{}), s, answered(c.answer)), name)
	}
}

// A run that was stopped says so, whether the answer came or not.
func TestCheckKeyAccess_Stopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason.Errorf(reason.Interrupted, "signal: interrupt"))
	for _, asked := range []<-chan keyAccess{make(chan keyAccess), answered(keyAccess{writable: repository.ReadOnly})} {
		err := checkKeyAccess(ctx, suite.NewOut(&recorder{}), session.Session{}, asked)
		require.Error(t, err)
		requireReason(t, reason.Interrupted, err, "")
	}
}

func answered(answer keyAccess) <-chan keyAccess {
	asked := make(chan keyAccess, 1)
	asked <- answer
	return asked
}
