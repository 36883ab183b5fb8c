package backup

import (
	"context"
	"errors"
	"io"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// restoreAndCount restores a set into a machine of its own, recovers to the end of the
// archive and counts users. How well a restore does is the drill's to judge: here it only
// has to come up.
func (b *check) restoreAndCount(ctx context.Context, set pgbackrest.Backup) (users int64, err error) {
	spec := b.spec()
	spec.Major, spec.Need = b.info.Version(set), set.Info.Size
	box, err := b.machine(ctx, b.env.Sandbox(b.settings), spec)
	if box != nil {
		defer func() {
			late, cancel := suite.Cleanup()
			defer cancel()
			err = errors.Join(err, reason.Wrap(reason.SandboxFailed, box.Destroy(late)))
		}()
	}
	if err != nil {
		return 0, err
	}
	here := b.repo.Client // the machine that asks goes on asking
	defer func() { b.repo.Client = here }()
	if err = b.repo.Equip(ctx, box, b.env.Local); err != nil {
		return 0, err
	}
	err = b.repo.Client.Restore(ctx, pgbackrest.RestoreOptions{
		Set: set.Label, Target: []string{"--type=default"}, Tablespaces: box.Dir("tblspc"), ProcessMax: 2,
	}, io.Discard)
	if failed, ok := errors.AsType[*pgbackrest.Error](err); ok && failed.Killed() {
		return 0, reason.Errorf(reason.SandboxFailed, "pgbackrest restore was killed from outside: %w", err)
	}
	if err != nil {
		return 0, reason.Wrap(reason.RestoreFailed, err)
	}
	installation, err := postgres.Find(ctx, box, spec.Major)
	if err != nil {
		return 0, err
	}
	server := &postgres.Server{
		Host: box, Installation: installation, Data: box.Dir("data"), Conf: box.Dir("etc"), Socket: box.Dir("run"),
		LogFile: box.Dir("log") + "/postgresql.log", Port: 5432, Env: append(b.repo.Client.Patience, pgbackrest.ReplayEnv...),
	}
	return b.count(ctx, server)
}

// count starts a restored cluster and counts users in it.
func (b *check) count(ctx context.Context, server *postgres.Server) (users int64, err error) {
	control, err := postgres.ReadControl(ctx, server.Host, server.Installation, server.Data)
	if err != nil {
		return 0, err
	}
	if err = server.Start(ctx, control); err == nil {
		_, err = server.Wait(ctx, func(context.Context) error { return nil }) // its session goes with the machine
	}
	if err == nil {
		conn, refused := server.Connect(ctx, "postgres")
		if refused == nil {
			refused = conn.QueryRow(ctx, `SELECT count(*) FROM public.users`).Scan(&users)
		}
		return users, reason.Wrap(reason.SmokeQuery, refused)
	}
	if _, known := reason.Of(err); known || ctx.Err() != nil {
		return 0, err
	}
	log, unread := server.ReadLog(ctx)
	if _, exited := errors.AsType[*host.ExitError](err); unread != nil || !exited && !errors.Is(err, postgres.ErrDied) {
		return 0, reason.Wrap(reason.SandboxFailed, errors.Join(err, unread))
	}
	return 0, log.StartError()
}
