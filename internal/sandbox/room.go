package sandbox

import (
	"context"
	"errors"

	"veza.fr/recovery/internal/host"
)

// Room is how much there is where the data of a sandbox will lie, as it is known before one is launched.
type Room struct {
	Place       string // as a sentence names it: "TMPDIR (/tmp)", "storage pool fast of the Incus daemon on ..."
	Free, Total int64  // bytes
	// Doubt is why more than Free may fit all the same, such as a file system that compresses; "" where it cannot.
	Doubt string
	// Shared says that others live there, and come to harm when it is full.
	Shared bool
	Mend   string // what to do where it is too small
	Root   int64  // bytes of the disk that a sandbox has of its own there; 0 is that it has all of it
}

// ErrLimit is in the error of a launch that a limit on all sandboxes of a place keeps out, when the run itself has one
// there already: to wait would be to wait for itself.
var ErrLimit = errors.New("a limit on all sandboxes is reached")

// Measurer is a Provider that can say how much room there is.
type Measurer interface {
	// Room asks; nothing is made. Control is the machine that asks the repository: where this very provider made
	// it, it sees what a sandbox will see.
	Room(ctx context.Context, control host.Host) (Room, error)
}

// Sizer is a Provider that gives a sandbox a disk of its own size.
type Sizer interface {
	// RootDisk is that size in bytes, for what is restored; -disk is another one.
	RootDisk(need int64) int64
}

// Warner is a Provider that knows of something the operator of what makes its sandboxes should know of, such as a
// version with a known way out of a container. It is no verdict on anything.
type Warner interface {
	Warnings(ctx context.Context) ([]string, error)
}
