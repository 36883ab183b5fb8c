package node

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// identity tells a directory from another one of the same name: by its inode, and by when it was made. An inode is
// given again to the next that is made, and the root of a file system always has the same. The number of its device
// would not do: it may be another one after a power cut.
type identity struct {
	Inode uint64 `json:"inode"`
	Born  int64  `json:"born"` // nanoseconds; 0 is not known: not every file system keeps it, nor did every mark
}

// identify asks for the identity of a directory that a path leads to.
func identify(dir string) (identity, error) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_INO|unix.STATX_BTIME, &s); err != nil {
		return identity{}, &fs.PathError{Op: "statx", Path: dir, Err: err}
	}
	var on unix.Statfs_t
	if err := unix.Statfs(dir, &on); err != nil {
		return identity{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return identityOf(s, on.Type), nil
}

// identityOf is the identity of a directory on a kind of file system. A container's own makes a directory of its image
// anew at the first write to it: the inode stays, and when it was made does not.
func identityOf(s unix.Statx_t, kind int64) identity {
	i := identity{Inode: s.Ino}
	if s.Mask&unix.STATX_BTIME != 0 && kind != unix.OVERLAYFS_SUPER_MAGIC {
		i.Born = s.Btime.Sec*1e9 + int64(s.Btime.Nsec)
	}
	return i
}

// is says whether two identities are of the same directory, as far as both are known.
func (i identity) is(other identity) bool {
	return i.Inode == other.Inode && (i.Born == other.Born || i.Born == 0 || other.Born == 0)
}
