package incus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"veza.fr/recovery/internal/reason"
)

// ids are the user and group that own files.
type ids struct{ uid, gid uint32 }

// folders are the devices that show directories of this machine, read-only and at their own
// paths, and whose ids the default user must have inside to read what their owner reads here: the
// kernel shows the ids of this machine (shift). Zero ids are as good as any.
func (d *Daemon) folders(paths []string) (map[string]map[string]string, ids, error) {
	devices := map[string]map[string]string{}
	var owner ids
	for n, path := range paths {
		if !d.here {
			return nil, ids{}, d.unseen(path)
		}
		if path = filepath.Clean(path); !filepath.IsAbs(path) || path == "/" {
			return nil, ids{}, reason.Errorf(reason.ConfigInvalid,
				"directory %q cannot be shown to a sandbox: an absolute path is needed", path)
		}
		devices[fmt.Sprintf("folder-%d", n+1)] = map[string]string{
			"type": "disk", "source": path, "path": path, "readonly": "true", "shift": "true",
		}
		found, err := readers(path)
		if err != nil {
			return nil, ids{}, err
		}
		if owner != (ids{}) && found != (ids{}) && found != owner {
			return nil, ids{}, reason.Errorf(reason.ConfigInvalid,
				"directory %s belongs to user %d and another repository to user %d: nobody in a sandbox can read both",
				path, found.uid, owner.uid)
		}
		if found != (ids{}) {
			owner = found
		}
	}
	return devices, owner, nil
}

// unseen says what to do about a directory that the sandbox would not be on the machine of.
func (d *Daemon) unseen(dir string) error {
	if d.socket {
		return reason.Errorf(reason.ConfigInvalid, "directory %s is on this member of the cluster of %s, and the "+
			"sandbox may be on another one: drill a posix repository with -incus-target %s", dir, d.place, thisMember)
	}
	return reason.Errorf(reason.ConfigInvalid, "directory %s of this machine cannot be seen by a sandbox on %s: drill "+
		"a posix repository without -incus-remote", dir, d.place)
}

// readers are the ids that read a directory; zero ones when everybody does.
func readers(path string) (ids, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ids{}, reason.Errorf(reason.NoBackup, "directory %s of the repository is not there", path)
	case err != nil:
		return ids{}, reason.Errorf(reason.SandboxFailed, "directory of the repository: %w", err)
	case !info.IsDir():
		return ids{}, reason.Errorf(reason.ConfigInvalid, "%s is no directory", path)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && owner.Uid != 0 {
		return ids{owner.Uid, owner.Gid}, nil
	}
	if info.Mode().Perm()&0o005 != 0o005 {
		return ids{}, reason.Errorf(reason.ConfigInvalid, "directory %s belongs to root and nobody else reads it: "+
			"pgbackrest never runs as root, give it to the user that makes the backups", path)
	}
	return ids{}, nil
}

// become is a shell script that gives a user other ids, with what it owns; $1 is the user, $2 its new
// user id and $3 its new group id, which other users may have as well.
const become = `set -e; uid=$(id -u "$1"); gid=$(id -g "$1")
	[ "$3" = 0 ] || groupmod -o -g "$3" "$(id -gn "$1")"
	usermod -o -u "$2" "$1" 2>/dev/null
	find /etc /run /var -xdev -uid "$uid" -exec chown -h "$2" {} +
	[ "$3" = 0 ] || find /etc /run /var -xdev -gid "$gid" -exec chgrp -h "$3" {} +`

func (o ids) words() (uid, gid string) {
	return strconv.FormatUint(uint64(o.uid), 10), strconv.FormatUint(uint64(o.gid), 10)
}
