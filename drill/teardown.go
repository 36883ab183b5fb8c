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

// sayEntry says how to enter a kept sandbox: the server when it is running, else its log.
func sayEntry(ctx context.Context, out suite.Out, box sandbox.Sandbox, server *postgres.Server, database string) {
	running, err := server.Running(ctx)
	if err != nil || !running {
		out.Note("its server is not running; its log: %s", entry(box, "tail -n 50 "+server.LogFile))
		return
	}
	out.Note("enter it: %s", entry(box, fmt.Sprintf("psql -h %s -p %d -U %s -d %s",
		server.Socket, server.Port, cmp.Or(server.User, "postgres"), database)))
}

// entry is what to type on this machine to run a command in the sandbox.
func entry(box sandbox.Sandbox, command string) string {
	if machine, ok := box.(sandbox.Enterer); ok {
		return machine.Enter(command)
	}
	return command
}
