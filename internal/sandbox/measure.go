package sandbox

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// takeAsMuch are the file systems on which a file takes as many bytes as are written to it. Others compress
// (btrfs, zfs), or are somebody else's machine (nfs), or may lie on one that does (overlay).
var takeAsMuch = []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.TMPFS_MAGIC} // ext2 and ext3 too

// Measure is the room in a directory of this machine, for those who are not root; Place and Mend are left to the
// caller.
func Measure(dir string) (Room, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return Room{}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	unit := uint64(max(fs.Frsize, 1))
	room := Room{Free: int64(fs.Bavail * unit), Total: int64(fs.Blocks * unit)}
	if kind := int64(uint32(fs.Type)); !slices.Contains(takeAsMuch, kind) {
		room.Doubt = fmt.Sprintf("a file system of type %#x may compress", kind)
	}
	return room, nil
}
