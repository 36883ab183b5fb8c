package repository

import (
	"context"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// strangerName is the conf of a Stranger, beside the real one.
const strangerName = "stranger.conf"

// Stranger is a pgBackRest like Client, but for the conf it is given: what somebody else
// would find. conf.d, where there is one, is changed too and becomes part of it.
func (r *Repository) Stranger(ctx context.Context, on sandbox.Sandbox, change func(conf []byte) []byte) (*pgbackrest.Client, error) {
	content := change(r.Conf.content)
	for _, name := range r.Conf.included() {
		content = append(append(content, '\n'), change(r.Conf.include[name])...)
	}
	stranger := *r.Client
	stranger.Config, stranger.Include = on.Dir("etc")+"/"+strangerName, ""
	if err := on.Put(ctx, stranger.Config, content, 0o640, ""); err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	return &stranger, nil
}
