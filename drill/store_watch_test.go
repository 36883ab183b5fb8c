package drill

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
)

// hung is a machine that takes commands and never answers.
type hung struct{ machine }

func (*hung) Run(ctx context.Context, _ host.Command) (host.Result, error) {
	<-ctx.Done()
	return host.Result{}, context.Cause(ctx)
}

// inStore is a repository that has to be connected to.
func inStore(t *testing.T) repository.Repository {
	t.Helper()
	const conf = "[demo]\nrepo1-type=s3\nrepo1-s3-endpoint=example.org\nrepo1-s3-bucket=s3\n"
	config, err := pgbackrest.ParseConfig("c", []byte(conf))
	require.NoError(t, err)
	return repository.Repository{Stanza: "demo", Key: 1, Conf: repository.Conf{Config: config}}
}

// A store that nobody can ask, because the sandbox answers no more, is not silent.
func TestWhileStoreAnswers(t *testing.T) {
	repo := inStore(t)
	paused := reason.Errorf(reason.SandboxFailed, "container x is paused: docker unpause x")
	for name, c := range map[string]struct {
		box  host.Host
		why  reason.Reason
		says string
	}{
		"a silent store": {
			&machine{answers: map[string]answer{"true": {}}}, reason.RepoUnreachable,
			"the object store at s3.example.org:443 has not answered for 32s",
		},
		"paused": {
			&machine{answers: map[string]answer{"true": {err: paused}}}, reason.SandboxFailed,
			"box takes no commands any more, so the object store cannot be asked either: container x is paused",
		},
		"refused": {
			&machine{answers: map[string]answer{"true": {err: errGone}}}, reason.SandboxFailed, errGone.Error(),
		},
		"hung": {&hung{}, reason.SandboxFailed, "not within 30s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := whileStoreAnswers(t.Context(), repo, c.box)
			defer stop()
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Minute):
			}
			why, _ := reason.Of(context.Cause(ctx))
			assert.Equal(t, c.why, why, name)
			assert.ErrorContains(t, context.Cause(ctx), c.says, name)
		})
	}
}

// A run that is over says nothing of its sandbox.
func TestWhileStoreAnswers_TheRunIsOver(t *testing.T) {
	repo := inStore(t)
	over := errors.New("interrupted")
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancelCause(t.Context())
		ctx, stop := whileStoreAnswers(parent, repo, &hung{})
		defer stop()
		time.AfterFunc(storeSilence+3*lookEvery, func() { cancel(over) }) // the command is under way
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), over)
	})
}
