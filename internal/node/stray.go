package node

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// Known are the names of all that a set holds.
type Known map[string]struct{}

// KnownOf are those of a manifest.
func KnownOf(m pgbackrest.Manifest) Known {
	known := make(Known, len(m.Files)+len(m.Paths))
	for _, f := range m.Files {
		known[f.Name] = struct{}{}
	}
	for _, name := range m.Paths {
		known[name] = struct{}{}
	}
	return known
}

// ownFiles are those that pgBackRest itself puts into a data directory beside the set's, and what a kill leaves of the
// two that a restore writes there beside and renames.
var ownFiles = regexp.MustCompile(`^pg_data/(backup\.manifest|(recovery|standby)\.signal|postgresql\.auto\.conf|` +
	`\.(backup\.manifest|postgresql\.auto\.conf)\d+)$`)

// madeByServer is what PostgreSQL may make while it replays, 13 to 18, by where it is and how it is called there. What
// is below a directory of its own that nobody else has business in is its own.
var madeByServer = regexp.MustCompile(`^(` + strings.Join([]string{
	`pg_data/(postmaster\.(pid|opts)|postgresql\.auto\.conf\.tmp|(backup_label|tablespace_map)(\.old)?)`,
	`pg_data/(current_logfiles(\.tmp)?|autoprewarm\.blocks(\.tmp)?)`,
	`pg_data/pg_(xact|multixact|subtrans|commit_ts|notify|serial|snapshots|stat|stat_tmp|replslot|logical|twophase|` +
		`dynshmem)(/.*)?`,
	`pg_data/pg_wal/([0-9A-F]{24}.*|[0-9A-F]{8}\.history|xlogtemp\.\d+|RECOVERY(XLOG|HISTORY))`,
	`pg_data/pg_wal/(archive_status|summaries)(/.*)?`,
	`pg_data/(base/\d+|pg_tblspc/\d+)`,
	`(pg_data/base|pg_tblspc/\d+/PG_\d+_\d+)/pgsql_tmp(/.*)?`,
	`pg_tblspc/\d+/PG_\d+_\d+/\d+`,
	// A relation, a temporary one, and what a directory of a database has besides.
	`(pg_data/(global|base/\d+)|pg_tblspc/\d+/PG_\d+_\d+/\d+)/` +
		`((t\d+_)?\d+(_(fsm|vm|init))?(\.\d+)?|PG_VERSION|pg_filenode\.map(\.tmp)?|pg_internal\.init(\.\d+)?)`,
}, "|") + `)$`)

// RefuseStrays says what lies where a restore is taken up, and neither the set, nor pgBackRest, nor, where a server has
// been at work on it, PostgreSQL has put there: pgBackRest's delta would remove it. Nil is nothing. The reason is
// config_invalid.
func (ts Targets) RefuseStrays(known Known, rest *Claim) error {
	started := rest.Started || rest.Apart == nil // a mark of before does not say
	var found []string
	cleaned, err := ts.cleaned(known)
	if err != nil {
		return reason.Errorf(reason.ConfigInvalid, "-resume: %w", err)
	}
	for _, dir := range slices.Sorted(maps.Keys(cleaned)) {
		err = ts.walk(dir, func(path string, isDir bool) error {
			if known.have(cleaned[dir]+strings.TrimPrefix(path, dir), started) {
				return nil
			}
			if found = append(found, path); len(found) > mostNames {
				return fs.SkipAll
			}
			if isDir {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return reason.Errorf(reason.ConfigInvalid, "-resume: %w", err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return reason.Errorf(reason.ConfigInvalid, "-to %s: -resume: what is neither of the backup nor of PostgreSQL lies "+
		"where it would go, and pgBackRest would remove it (%s): move it away, nothing is ever deleted", ts.Data,
		quoted(found))
}

// have says whether what is called so belongs there.
func (k Known) have(name string, started bool) bool {
	finished := strings.TrimSuffix(name, temporary)
	_, of := k[finished]
	return of || ownFiles.MatchString(finished) || started && madeByServer.MatchString(name)
}

// cleaned are the directories that pgBackRest's delta goes through, and what they are called in the set. Of a
// tablespace it is PostgreSQL's own directory.
func (ts Targets) cleaned(known Known) (map[string]string, error) {
	list := map[string]string{ts.Data: "pg_data"}
	for _, t := range ts.List {
		switch {
		case t.File != "":
		case t.TablespaceID == "":
			list[realPath(t.Path)] = t.Name
		default:
			entries, err := ts.list(t.Path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // nothing is cleaned where it is not there
				return nil, err
			}
			for _, entry := range entries {
				name := t.Name + "/" + entry.Name
				if _, of := known[name]; of && entry.Dir {
					list[filepath.Join(realPath(t.Path), entry.Name)] = name
				}
			}
		}
	}
	return list, nil
}

// quoted are names as a sentence has them, at most a few.
func quoted(names []string) string {
	more := ""
	if len(names) > mostNames {
		names, more = names[:mostNames], ", ..."
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return strings.Join(list, ", ") + more
}
