package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// Apart is a directory that a restore wrote to apart from its data directory, as its mark remembers it.
type Apart struct {
	Dir string `json:"directory"`
	identity
}

// Targets are what a set goes to apart from the data directory: tablespaces, and what links lead to.
type Targets struct {
	Data  string // the data directory
	List  []pgbackrest.ManifestTarget
	Mode  string // of the directories that are made
	Major string // of PostgreSQL, by the set's tablespaces; "" is not known
	Ask   Lister // for directories that this process may not read; nil is an error there
}

// TargetsOf are those of a manifest, by where a restore puts them. What lies in the data directory is looked at there.
func TargetsOf(m pgbackrest.Manifest, conf *pgbackrest.Config, stanza, data string) Targets {
	list := slices.DeleteFunc(m.Apart(conf, stanza, data), func(t pgbackrest.ManifestTarget) bool {
		return Within(t.Path, data)
	})
	return Targets{Data: data, List: list, Mode: m.Mode, Major: majorOf(m)}
}

// Refuse says why the directories must not be restored into, nil when they may: what is there stays. rest is the mark
// of the restore that is taken up, nil where one begins. The reason is config_invalid.
func (ts Targets) Refuse(rest *Claim) error {
	for _, t := range ts.List {
		if err := ts.refuse(t, rest); err != nil {
			return err
		}
	}
	return ts.refuseUsed()
}

func (ts Targets) refuse(t pgbackrest.ManifestTarget, rest *Claim) error {
	shown := pgbackrest.Printable(t.Path)
	if around := clusterAround(realPath(filepath.Join(t.Path, t.File))); around != "" && !ts.owns(around) {
		return reason.Errorf(reason.ConfigInvalid, "%s, %s, lies inside a cluster, or what belongs to one: %s: map "+
			"it elsewhere (%s), or move that away, nothing is ever deleted", shown, what(t), around, mapping(t))
	}
	info, err := os.Stat(t.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // whether it can be made is asked apart
		return nil
	case err != nil:
		return reason.Errorf(reason.ConfigInvalid, "%s: %w", what(t), err)
	case !info.IsDir():
		return reason.Errorf(reason.ConfigInvalid, "%s, %s, is no directory: move it away", shown, what(t))
	}
	if t.TablespaceID == "" { // pgBackRest asks no more of a tablespace than that it may write there
		if owner, unknown := stranger(info); unknown == nil && owner != "" {
			return reason.Errorf(reason.ConfigInvalid, "%s, %s, belongs to %s, not to the user who runs PostgreSQL: "+
				"chown it", shown, what(t), owner)
		}
	}
	if rest != nil && rest.began(t.Path) {
		return nil
	}
	if t.File != "" {
		return ts.refuseFile(t, rest)
	}
	stray, err := ts.inside(t)
	switch {
	case err != nil:
		return reason.Errorf(reason.ConfigInvalid, "%s: %w", what(t), err)
	case stray != "" && rest != nil:
		return reason.Errorf(reason.ConfigInvalid, "-resume: %s, %s, is another directory than the one that was being "+
			"restored into on %s, and it is not empty (%s): move it away", shown, what(t),
			rest.Begun.UTC().Format(time.RFC3339), strconv.Quote(stray))
	case stray != "":
		return reason.Errorf(reason.ConfigInvalid, "%s, %s, is not empty (%s), and the backup has files there: move "+
			"what is there away, nothing is ever deleted", shown, what(t), strconv.Quote(stray))
	}
	return nil
}

// refuseFile refuses a file that is there already, where the backup has one.
func (ts Targets) refuseFile(t pgbackrest.ManifestTarget, rest *Claim) error {
	if !ts.hasFile(t) {
		return nil
	}
	file := filepath.Join(t.Path, t.File)
	resumed := ""
	if rest != nil {
		resumed = "-resume: "
	}
	return reason.Errorf(reason.ConfigInvalid, "%s%s is there, and the backup has that file (%s): move it away, "+
		"nothing is ever deleted", resumed, pgbackrest.Printable(file), what(t))
}

// inside is something in a directory that the restore has not put there; "" is nothing. Places of its own that lie in
// there are in nobody's way, nor is what is beside a tablespace.
func (ts Targets) inside(t pgbackrest.ManifestTarget) (string, error) {
	entries, err := ts.list(t.Path)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		path := filepath.Join(t.Path, entry.Name)
		beside := t.TablespaceID != "" && entry.Dir && ts.beside(entry.Name)
		own := func(place string) bool { return Within(place, path) }
		if !beside && !own(ts.Data) && path != ClaimFile(ts.Data) && !slices.ContainsFunc(ts.List,
			func(other pgbackrest.ManifestTarget) bool { return own(other.Path) }) {
			return entry.Name, nil
		}
	}
	return "", nil
}

// fileSystems are directories that a file system itself has: a new ext4, a filer with snapshots, ZFS.
var fileSystems = []string{"lost+found", ".snapshot", ".zfs"}

// beside says whether a directory lies beside PostgreSQL's own in a tablespace, which is all that pgBackRest and
// PostgreSQL look at: a file system's, and that of another major version, as pg_upgrade leaves it.
func (ts Targets) beside(name string) bool {
	version := versionDirectory.FindStringSubmatch(name)
	return slices.Contains(fileSystems, name) || version != nil && ts.Major != "" && version[1] != ts.Major
}

// majorOf is the major version of a set's tablespaces; "" where it has none.
func majorOf(m pgbackrest.Manifest) string {
	for _, name := range m.Paths {
		if below, ok := strings.CutPrefix(name, "pg_tblspc/"); ok {
			if version := versionDirectory.FindStringSubmatch(filepath.Base(below)); version != nil {
				return version[1]
			}
		}
	}
	return ""
}

// owns says whether a path is of this restore's own places.
func (ts Targets) owns(path string) bool {
	return Within(path, realPath(ts.Data)) || slices.ContainsFunc(ts.List, func(t pgbackrest.ManifestTarget) bool {
		return t.File == "" && Within(path, realPath(t.Path))
	})
}

// began says whether what is in a directory may be the rest of this restore: it is the same directory, or nobody wrote
// down which it was.
func (c *Claim) began(dir string) bool {
	now, err := identify(dir)
	return c.Apart == nil || err != nil || slices.ContainsFunc(c.Apart, func(a Apart) bool {
		return a.Dir == dir && a.is(now)
	})
}

// Remember has the claim know which directories those apart from the data directory are; Say writes it.
func (c *Claim) Remember(ts Targets) {
	c.Apart = []Apart{}
	for _, t := range ts.List {
		if now, err := identify(t.Path); err == nil {
			c.Apart = append(c.Apart, Apart{t.Path, now})
		}
	}
}

// Missing says of each target whose directory is not there which one above it is, and of the others themselves.
func (ts Targets) Missing() map[string]string {
	found := map[string]string{}
	for _, t := range ts.List {
		found[t.Path], _ = there(t.Path)
	}
	return found
}

// what a target is, as a sentence has it.
func what(t pgbackrest.ManifestTarget) string {
	if t.TablespaceID != "" {
		return "where tablespace " + pgbackrest.Printable(t.TablespaceName) + " goes"
	}
	return "where the link " + pgbackrest.Printable(strings.TrimPrefix(t.Name, "pg_data/")) + " leads"
}

// mapping is the option that sends a target elsewhere.
func mapping(t pgbackrest.ManifestTarget) string {
	if t.TablespaceID != "" {
		return "tablespace-map"
	}
	return "link-map"
}

// Within says whether a path is a directory, or lies below it.
func Within(path, dir string) bool {
	inside, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(inside)
}

// realPath is a path without symbolic links, as far as it is there.
func realPath(path string) string {
	if whole, err := filepath.EvalSymlinks(path); err == nil || path == "/" || path == "." {
		return whole
	}
	return filepath.Join(realPath(filepath.Dir(path)), filepath.Base(path))
}
