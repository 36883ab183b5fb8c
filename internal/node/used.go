package node

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// refuseUsed refuses directories that a running server uses: one of its files there is open, or a link in its data
// directory leads there, such as that of a tablespace in which nobody has made a table yet.
func (ts Targets) refuseUsed() error {
	if len(ts.List) == 0 {
		return nil
	}
	places := make([]string, len(ts.List))
	for i, t := range ts.List {
		places[i] = realPath(filepath.Join(t.Path, t.File))
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || !isServer(pid) {
			continue
		}
		for _, path := range usedBy(filepath.Join("/proc", entry.Name()), realPath(ts.Data)) {
			at := slices.IndexFunc(places, func(place string) bool { return Within(path, place) })
			if at >= 0 {
				return reason.Errorf(reason.ConfigInvalid, "%s, %s, is used by a server, process %d (%s): stop it and "+
					"move what is its own away, or map it elsewhere (%s)", pgbackrest.Printable(places[at]),
					what(ts.List[at]), pid, pgbackrest.Printable(path), mapping(ts.List[at]))
			}
		}
	}
	return nil
}

// usedBy are the paths of the files that a server has open, and of what links in its data directory lead to, but for
// one that works in own. A process that ends meanwhile, or is somebody else's, has none.
func usedBy(process, own string) (paths []string) {
	data, err := os.Readlink(filepath.Join(process, "cwd"))
	if err != nil || data == own {
		return nil
	}
	open, _ := filepath.Glob(filepath.Join(process, "fd", "*"))
	for _, link := range open {
		if path, gone := os.Readlink(link); gone == nil && strings.HasPrefix(path, "/") {
			paths = append(paths, path)
		}
	}
	for _, in := range []string{data, filepath.Join(data, "pg_tblspc")} {
		entries, err := os.ReadDir(in)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if entry.Type()&os.ModeSymlink == 0 {
				continue
			}
			if path, dangling := filepath.EvalSymlinks(filepath.Join(in, entry.Name())); dangling == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}
