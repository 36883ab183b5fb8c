package drill

import (
	"cmp"
	"context"
	"fmt"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// teardown leaves nothing behind, or with -keep the sandbox and the way into it: it undoes
// what the steps registered, the last first.
func teardown(ctx context.Context, out suite.Out) error {
	return reason.Wrap(reason.SandboxFailed, out.Undone(ctx))
}

// wayIn is how a kept sandbox is entered. Steps hand on values; this is the one thing that the
// clean-up must know of a step that may have failed.
type wayIn struct {
	server   *postgres.Server // the last one, started or not; nil before there is any
	database string
}

// say says how to enter a kept sandbox: the server when it is running, else its log. It comes
// after the sandbox is marked, and a server that does not answer does not use up the time.
func (w *wayIn) say(ctx context.Context, out suite.Out, box sandbox.Sandbox) {
	server := w.server
	if server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout/3)
	defer cancel()
	running, err := server.Running(ctx)
	if err != nil || !running {
		out.Note("its server is not running; its log: %s", entry(box, "tail -n 50 "+server.LogFile))
		return
	}
	out.Note(suite.EnterIt+"%s", entry(box, fmt.Sprintf("psql -h %s -p %d -U %s -d %s",
		server.Socket, server.Port, cmp.Or(server.User, "postgres"), w.database)))
}

// entry is what to type on this machine to run a command in the sandbox.
func entry(box sandbox.Sandbox, command string) string {
	if machine, ok := box.(sandbox.Enterer); ok {
		return machine.Enter(command)
	}
	return command
}
