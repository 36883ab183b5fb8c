// Package sandbox is the throw-away Host a backup is restored into: how it is
// launched, tagged, locked and reaped, whoever provides it.
package sandbox

import (
	"context"
	"time"

	"veza.fr/recovery/internal/host"
)

// Sandbox is a host of the run's own, with directories of its own.
type Sandbox interface {
	host.Host
	// Dir is the absolute path, inside the sandbox, of one of the directories
	// data, tblspc, run, etc, log, lock, spool. They exist, belong to the host's default
	// user, mode 0700.
	Dir(name string) string
	// Keep marks the sandbox as kept until the given moment: no reaper touches
	// it before then.
	Keep(ctx context.Context, until time.Time) error
	// Gone returns nil when nothing of a destroyed sandbox is left: no process, no file.
	Gone(ctx context.Context) error
}

// Spec is what a sandbox is launched for. Only a machine of its own needs more than
// the names; a directory of this machine has the rest already.
type Spec struct {
	Stanza string
	Run    string    // unique name of the run
	Until  time.Time // when the run is over at the latest; zero: not known
	Major  string    // major version of PostgreSQL, such as "15"; it chooses the image
	Need   int64     // bytes the restored data may take
	// Stores are the object stores it must reach, by the names the conf gives them;
	// it can reach nothing else.
	Stores []Address
	// Folders are directories of this machine that it sees at the same path, read-only:
	// posix repositories.
	Folders []string
	// Say tells what is waited for; nil when nobody listens.
	Say func(format string, args ...any)
}

// Address is a TCP address as the conf writes it.
type Address struct{ Host, Port string }

// Optional abilities of a sandbox, asked for by type assertion.
type (
	// Installer can fetch Debian packages, through a network card that is there for
	// no longer than this takes.
	Installer interface {
		Install(ctx context.Context, packages []string) error
	}
	// Waiter has ways out that are still being made when Launch returns: Ready waits
	// until the object stores can be reached.
	Waiter interface {
		Ready(ctx context.Context) error
	}
	// Isolated can prove that the machine reaches nothing but the object stores it was
	// launched for, and says how: "it has no network card".
	Isolated interface {
		Isolated(ctx context.Context) (how string, err error)
	}
	// Secluder shares the network of this machine, and can run commands that connect to nobody;
	// they may listen on sockets that have a path. An error says why it cannot here.
	Secluder interface {
		WithoutNetwork(ctx context.Context) (host.Host, error)
	}
	// Enterer says what to type on this machine to run a command inside as the
	// default user; a directory of this machine needs nothing.
	Enterer interface {
		Enter(command string) string
	}
	// Findable is in a place that testprom may have to be told of: by these variables, NAME=VALUE as a
	// shell reads them before a command. None are needed where it looks anyway.
	Findable interface {
		Variables() []string
	}
)

// Kept is a sandbox that -keep left.
type Kept struct {
	Name, Stanza string
	Until        time.Time
	Variables    []string // that testprom needs to find it, as of a Findable
	// Remove removes it, unless its run is still alive.
	Remove func(ctx context.Context) error
}

// Provider makes sandboxes of one kind.
type Provider interface {
	// Environment is the value of the info metric's label: process, docker or incus.
	Environment() string
	// Reap removes every leftover of earlier runs of the stanza ("" means all) that is not
	// kept, kept ones past their expiry too, and names each.
	// Sandboxes of this very process and of living ones are no leftovers.
	// Call it with the stanza's lock held; for "" it takes each stanza's lock itself.
	Reap(ctx context.Context, stanza string) ([]string, error)
	// Kept are the sandboxes that a run left by its own wish and whose time is not over: Reap
	// leaves them alone.
	Kept(ctx context.Context) ([]Kept, error)
	// Launch makes a sandbox. A half-made one is returned with the error.
	Launch(ctx context.Context, spec Spec) (Sandbox, error)
}
