package process

import (
	"context"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/sandbox"
)

var _ sandbox.Measurer = Provider{}

// Room is what is free in TMPDIR. A file system that holds the machine's root is shared with all of it.
func (Provider) Room(context.Context, host.Host) (sandbox.Room, error) {
	dir, err := tempDir()
	if err != nil {
		return sandbox.Room{}, failed(err)
	}
	room, err := sandbox.Measure(dir)
	room.Place, room.Mend = "TMPDIR ("+dir+")", "free some, or point TMPDIR at a larger file system"
	room.Shared = sameFileSystem(dir, "/")
	return room, failed(err)
}

// sameFileSystem says whether two directories are known to lie on one.
func sameFileSystem(one, other string) bool {
	var a, b unix.Stat_t
	return unix.Stat(one, &a) == nil && unix.Stat(other, &b) == nil && a.Dev == b.Dev
}
