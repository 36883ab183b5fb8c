package pgbackrest

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// ManifestTarget is a part of a cluster that lay apart from its data directory: a tablespace, or what a link led to.
type ManifestTarget struct {
	Name           string // in the set: pg_tblspc/16384, pg_data/pg_wal
	Path           string // where it lay; the directory, where it is one file
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
			TablespaceID   string `json:"tablespace-id"`
			TablespaceName string `json:"tablespace-name"`
		}
		if err = json.Unmarshal([]byte(l.value), &said); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrManifest, Printable(l.key), err)
		}
		targets = append(targets, ManifestTarget{l.key, said.Path, said.TablespaceID, said.TablespaceName})
	}
	return targets, nil
}

// Places are how many bytes a restore that obeys the maps of a conf puts where: a data directory, tablespaces, and what
// links lead to (restoreManifestMap in src/command/restore/restore.c). wal is where pg_wal lies among them.
func (m Manifest) Places(c *Config, stanza, data string) (sizes map[string]int64, wal string) {
	at := map[string]string{dataTarget: data}
	linkAll := last(c.Lines(stanza, "restore", "link-all")) == "y"
	for _, t := range m.Targets {
		switch {
		case t.TablespaceID != "":
			at[t.Name] = t.mapped(c, stanza)
		case linkAll && path.IsAbs(t.Path):
			at[t.Name] = t.Path
		case linkAll: // from the directory that the link is in
			at[t.Name] = path.Join(data, path.Dir(strings.TrimPrefix(t.Name, dataTarget+"/")), t.Path)
		}
	}
	for _, line := range c.Lines(stanza, "restore", "link-map") {
		if name, to, ok := strings.Cut(line.Value, "="); ok {
			at[dataTarget+"/"+name] = to
		}
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
	for _, line := range c.Lines(stanza, "restore", "tablespace-map") {
		name, to, _ := strings.Cut(line.Value, "=")
		if name == t.TablespaceID || name == t.TablespaceName {
			return to
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
