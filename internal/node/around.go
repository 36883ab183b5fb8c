package node

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"veza.fr/recovery/internal/sandbox"
)

// nodeOf refuses what is never a data directory, and a name that the configuration of PostgreSQL or a shell would read
// as something else.
func nodeOf(dir string) error {
	if err := Named(dir); err != nil {
		return err
	}
	if around := Around(dir, dir); around != "" {
		return fmt.Errorf("it lies inside a cluster, or what belongs to one: %s", around)
	}
	return nil
}

// Named refuses a data directory by its absolute path alone, so that a drill can say so of a node that it does not see.
// The mark of a restore lies beside the directory, and nobody but root may write to /.
func Named(dir string) error {
	if !sandbox.PlainPath(dir) {
		return fmt.Errorf("%q has a character that commands would not take as it is", dir)
	}
	if strings.Count(filepath.Clean(dir), "/") < 2 {
		return errors.New("a directory of its own is needed, not one below /")
	}
	return nil
}

// Around is the directory of a cluster, or of what belongs to one, that an absolute path without symbolic links
// lies in; "" is none. data is the data directory that is restored into: once its mark is there, a tablespace above it
// may be its own.
func Around(path, data string) string {
	claim, _ := ReadClaim(data)
	return cmp.Or(clusterAround(path), clusterBeside(path, func(above string) bool {
		return claim != nil && Within(data, above)
	}))
}

// versionDirectory is how PostgreSQL calls its own directory in a tablespace.
var versionDirectory = regexp.MustCompile(`^PG_(\d+)_\d+$`)

// IsVersionDirectory says whether a name is that of PostgreSQL's own directory in a tablespace.
func IsVersionDirectory(name string) bool { return versionDirectory.MatchString(name) }

// clusterAround is what a path lies in of a cluster: its data directory, one of a tablespace, or one that its pg_wal
// leads to; "" is nothing. An empty directory in there is in use, and a new one would be in the way.
func clusterAround(dir string) string {
	for above := filepath.Dir(dir); above != "/"; above = filepath.Dir(above) {
		if exists(above, "PG_VERSION") || exists(above, "global/pg_control") || exists(above, "archive_status") ||
			IsVersionDirectory(filepath.Base(above)) {
			return above
		}
	}
	return ""
}

// database is how PostgreSQL calls the directory of a database.
var database = regexp.MustCompile(`^\d+$`)

// clusterBeside is the directory that a path lies in and that a tablespace has, or the databases of a cluster whose
// base a link leads to, but for its own; "" is none. It is told by what else is in there.
func clusterBeside(dir string, own func(above string) bool) string {
	for above := filepath.Dir(dir); above != "/"; above = filepath.Dir(above) {
		if own(above) {
			continue
		}
		entries, _ := os.ReadDir(above) // what may not be read tells nothing
		for _, entry := range entries {
			at := filepath.Join(above, entry.Name())
			if entry.IsDir() && IsVersionDirectory(entry.Name()) ||
				database.MatchString(entry.Name()) && exists(at, "PG_VERSION") && exists(at, "pg_filenode.map") {
				return above // a data directory whose name is a number has that map in global
			}
		}
	}
	return ""
}
