package backup

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

const countUsers = `SELECT count(*) FROM public.users`

// restoreAndCount restores a set into a machine of its own, recovers to the end of the
// archive and counts users. How well a restore does is the drill's to judge: here it only
// has to come up. The machine is gone when it returns.
func restoreAndCount(ctx context.Context, out suite.Out, in opened, set pgbackrest.Backup) (users int64, err error) {
	spec := in.Spec(ctx, out)
	spec.Major, spec.Need = in.info.Version(set), set.Info.Size
	machine, err := in.Environment.Sandbox(in.Settings).Launch(ctx, spec)
	if machine != nil {
		defer func() {
			late, cancel := suite.Cleanup()
			defer cancel()
			err = errors.Join(err, reason.Wrap(reason.SandboxFailed, machine.Destroy(late)))
		}()
	}
	if err = reason.Wrap(reason.SandboxFailed, err); err == nil {
		err = session.Ready(ctx, machine)
	}
	if err != nil {
		return 0, err
	}
	client, err := in.Client.Equip(ctx, machine, in.Environment.Local, nil)
	if err != nil {
		return 0, err
	}
	version, err := client.Pgbackrest.Version(ctx)
	if err != nil {
		return 0, err
	}
	installation, err := session.FindServer(ctx, machine, version, set, spec.Major)
	if err != nil {
		return 0, err
	}
	if err = restoreSet(ctx, client, machine, set.Label); err != nil {
		return 0, err
	}
	return countRestored(ctx, serverOn(machine, installation, client))
}

// restoreSet restores the files of a set.
func restoreSet(ctx context.Context, client repository.Client, machine sandbox.Sandbox, label string) error {
	err := client.Pgbackrest.Restore(ctx, pgbackrest.RestoreOptions{
		Set: label, Target: []string{"--type=default"}, Tablespaces: machine.Dir("tblspc"), ProcessMax: 2,
	}, io.Discard)
	if failed, ok := errors.AsType[*pgbackrest.Error](err); ok && failed.Killed() {
		return reason.Errorf(reason.SandboxFailed, "pgbackrest restore was killed from outside: %w", err)
	}
	return reason.Wrap(reason.RestoreFailed, err)
}

// serverOn is the server of the restored files.
func serverOn(machine sandbox.Sandbox, installation postgres.Installation, client repository.Client) *postgres.Server {
	return &postgres.Server{
		Host: machine, Installation: installation,
		Data: machine.Dir("data"), Conf: machine.Dir("etc"), Socket: machine.Dir("run"),
		LogFile: machine.Dir("log") + "/postgresql.log", Port: 5432,
		Env: client.Pgbackrest.ReplayEnv(pgbackrest.Getting{}),
	}
}

// countRestored starts a restored cluster and counts users in it.
func countRestored(ctx context.Context, server *postgres.Server) (users int64, err error) {
	control, err := postgres.ReadControl(ctx, server.Host, server.Installation, server.Data)
	if err != nil {
		return 0, err
	}
	var conn *pgx.Conn
	if err = server.Start(ctx, control); err == nil {
		conn, err = server.Wait(ctx, func(context.Context) error { return nil }) // its session goes with the machine
	}
	if err != nil {
		return 0, notStarted(ctx, server, err)
	}
	if _, err = server.MakeReader(ctx, conn); err == nil { // else the superuser asks: the data is of the suite's own
		conn, err = server.ConnectReader(ctx, "postgres")
	}
	if err == nil {
		err = conn.QueryRow(ctx, countUsers).Scan(&users)
	}
	return users, reason.Wrap(reason.SmokeQuery, err)
}

// notStarted says why a restored cluster did not come up: its log knows, where the server
// ended by itself.
func notStarted(ctx context.Context, server *postgres.Server, err error) error {
	if _, known := reason.Of(err); known || ctx.Err() != nil {
		return err
	}
	log, unread := server.ReadLog(ctx)
	if _, exited := errors.AsType[*host.ExitError](err); unread != nil || !exited && !errors.Is(err, postgres.ErrDied) {
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, unread))
	}
	return log.StartError()
}
