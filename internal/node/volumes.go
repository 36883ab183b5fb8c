package node

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"veza.fr/recovery/internal/sandbox"
)

// Volume is a file system that a restore writes to.
type Volume struct {
	Dir        string // the first directory there
	Need, Free int64  // bytes
	Doubt      string // why more than Free may fit all the same; "" where it cannot
}

// Volumes are the file systems of directories, which may not be there yet, and of how many bytes go to each. That of
// first comes first.
func Volumes(first string, sizes map[string]int64) (list []Volume, err error) {
	type fileSystem struct{ device, total uint64 } // a quota of a directory makes it one of its own
	known := map[fileSystem]int{}
	rest := slices.DeleteFunc(slices.Sorted(maps.Keys(sizes)), func(dir string) bool { return dir == first })
	for _, dir := range append([]string{first}, rest...) {
		above, doubt := there(dir)
		room, err := sandbox.Measure(above)
		if err != nil {
			return nil, err
		}
		key := fileSystem{total: uint64(room.Total)}
		if info, err := os.Stat(above); err == nil {
			if s, ok := info.Sys().(*syscall.Stat_t); ok {
				key.device = s.Dev
			}
		}
		at, seen := known[key]
		if !seen {
			at, known[key] = len(list), len(list)
			list = append(list, Volume{Dir: dir, Free: room.Free, Doubt: room.Doubt})
		}
		list[at].Need += sizes[dir]
		if doubt != "" {
			list[at].Doubt = doubt
		}
	}
	return list, nil
}

// there is a directory that will be made, or the nearest above it that is there; doubt says why it may be none of its
// file system.
func there(dir string) (above, doubt string) {
	for above = dir; above != "/" && above != "."; above = filepath.Dir(above) {
		_, err := os.Stat(above)
		if err == nil {
			return above, doubt
		}
		if errors.Is(err, fs.ErrPermission) {
			doubt = "what lies in " + dir + " may not be looked at"
		}
	}
	return "/", doubt
}
