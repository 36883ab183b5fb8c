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

// refuseUsed refuses directories that a running server uses.
func (ts Targets) refuseUsed() error {
	if len(ts.List) == 0 {
		return nil
	}
	places := make([]string, len(ts.List))
	for i, t := range ts.List {
		places[i] = realPath(filepath.Join(t.Path, t.File))
	}
	u, err := ts.used(places)
	if err != nil || u == nil {
		return err
	}
	return reason.Errorf(reason.ConfigInvalid, "%s, %s, is used by a server, process %d (%s): stop it and move what "+
		"is its own away, or map it elsewhere (%s)", pgbackrest.Printable(places[u.at]), what(ts.List[u.at]), u.process,
		pgbackrest.Printable(u.path), mapping(ts.List[u.at]))
}

// use is a file of a running server that lies in one of several places.
type use struct {
	at, process int // which place, and whose
	path        string
}

// used looks whether a running server uses a place: one of its files there is open, or a link in its data directory
// leads there, such as that of a tablespace in which nobody has made a table yet. Nil is that none does.
func (ts Targets) used(places []string) (*use, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || !isServer(pid) {
			continue
		}
		for _, path := range usedBy(filepath.Join("/proc", entry.Name()), realPath(ts.Data)) {
			at := slices.IndexFunc(places, func(place string) bool { return Within(path, place) })
			if at >= 0 {
				return &use{at, pid, path}, nil
			}
		}
	}
	return nil, nil
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
