package pgbackrest

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ManifestTarget is a part of a cluster that lay apart from its data directory: a tablespace, or what a link led to.
type ManifestTarget struct {
	Name           string // in the set: pg_tblspc/16384, pg_data/pg_wal
	Path           string // where it lay; the directory, where it is one file
	File           string // its name there; "" is a directory
	TablespaceID   string // "" is no tablespace
	TablespaceName string
}

// dataTarget is the data directory itself, and walTarget is what pg_wal is called in a set.
const (
	dataTarget = "pg_data"
	walTarget  = dataTarget + "/pg_wal"
)

// parseTargets reads the targets of a manifest.
func parseTargets(info infoFile) (targets []ManifestTarget, err error) {
	for _, l := range info.lines {
		if l.section != "backup:target" || l.key == dataTarget {
			continue
		}
		var said struct {
			Path           string `json:"path"`
			File           string `json:"file"`
			TablespaceID   string `json:"tablespace-id"`
			TablespaceName string `json:"tablespace-name"`
		}
		if err = json.Unmarshal([]byte(l.value), &said); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrManifest, Printable(l.key), err)
		}
		targets = append(targets, ManifestTarget{l.key, said.Path, said.File, said.TablespaceID, said.TablespaceName})
	}
	return targets, nil
}

// Apart are the targets of a restore that obeys the maps of a conf, where it puts them, by their names
// (restoreManifestMap in src/command/restore/restore.c): tablespaces, and what links lead to. What no link leads to any
// more comes into the data directory and is none.
func (m Manifest) Apart(c *Config, stanza, data string) (list []ManifestTarget) {
	linkAll := last(c.Lines(stanza, "restore", "link-all")) == "y"
	for _, t := range m.Targets {
		switch {
		case t.TablespaceID != "":
			t.Path = t.mapped(c, stanza)
		case !linkAll:
			continue
		}
		t.Path = t.from(data)
		list = append(list, t)
	}
	for _, line := range c.keyed(stanza, "link-map") {
		name, to, ok := strings.Cut(line.Value, "=")
		if !ok {
			continue
		}
		t := ManifestTarget{Name: dataTarget + "/" + name, Path: to}
		if m.isFile(t.Name) {
			t.Path, t.File = path.Split(to)
		}
		t.Path = t.from(data)
		list = append(slices.DeleteFunc(list, func(other ManifestTarget) bool { return other.Name == t.Name }), t)
	}
	slices.SortFunc(list, func(a, b ManifestTarget) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Unlinked are the targets of a restore that obeys the maps of a conf to which a link led when the set was taken, and
// none leads afterwards: they come back into the data directory.
func (m Manifest) Unlinked(c *Config, stanza, data string) []ManifestTarget {
	apart := m.Apart(c, stanza, data)
	return slices.DeleteFunc(slices.Clone(m.Targets), func(t ManifestTarget) bool {
		return t.TablespaceID != "" ||
			slices.ContainsFunc(apart, func(a ManifestTarget) bool { return a.Name == t.Name })
	})
}

// Link is a target as a data directory has it: the link, and what it led to.
func (t ManifestTarget) Link() (name, to string) {
	return strings.TrimPrefix(t.Name, dataTarget+"/"), path.Join(t.Path, t.File)
}

// from is the directory of a target. A link may say it from the directory that it lies in.
func (t ManifestTarget) from(data string) string {
	if path.IsAbs(t.Path) {
		return path.Clean(t.Path)
	}
	return path.Join(data, path.Dir(strings.TrimPrefix(t.Name, dataTarget+"/")), t.Path)
}

// isFile says whether a name of the set is that of a file.
func (m Manifest) isFile(name string) bool {
	return slices.ContainsFunc(m.Files, func(f ManifestFile) bool { return f.Name == name })
}

// Places are how many bytes a restore that obeys the maps of a conf puts where: a data directory, and what lies apart
// from it. wal is where pg_wal lies among them.
func (m Manifest) Places(c *Config, stanza, data string) (sizes map[string]int64, wal string) {
	at := map[string]string{dataTarget: data}
	for _, t := range m.Apart(c, stanza, data) {
		at[t.Name] = t.Path
	}
	place := func(name string) string {
		for ; name != "." && name != "/"; name = path.Dir(name) {
			if to, apart := at[name]; apart {
				return to
			}
		}
		return data
	}
	sizes = map[string]int64{data: 0}
	for _, f := range m.Files {
		sizes[place(f.Name)] += f.Size
	}
	return sizes, place(walTarget)
}

// mapped is where a tablespace is restored to.
func (t ManifestTarget) mapped(c *Config, stanza string) string {
	for _, line := range c.keyed(stanza, "tablespace-map") {
		if t.is(keyOf(line)) {
			return valueOf(line)
		}
	}
	if all := last(c.Lines(stanza, "restore", "tablespace-map-all")); all != "" {
		return path.Join(all, t.TablespaceName)
	}
	return t.Path
}

// last is the value that goes of an option that is given once; "" is none.
func last(lines []Line) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1].Value
}
