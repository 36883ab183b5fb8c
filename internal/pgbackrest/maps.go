package pgbackrest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// UselessMap is a line of a conf that maps what a set has not: restore of it ends there, before it writes anything.
type UselessMap struct {
	Line
	Why string
}

func (u UselessMap) String() string {
	return fmt.Sprintf("%s: %s=%s: %s", u.Place(), u.Option, Printable(u.Value), u.Why)
}

// Maps says whether a conf maps tablespaces or links by their names.
func (c *Config) Maps(stanza string) bool {
	return len(c.Lines(stanza, "restore", "tablespace-map"))+len(c.Lines(stanza, "restore", "link-map")) > 0
}

// UselessMaps are the lines of a conf at which restore of the set ends (restoreManifestMap in
// src/command/restore/restore.c, 2.45 to 2.59.1).
func (m Manifest) UselessMaps(c *Config, stanza string) (list []UselessMap) {
	paths := map[string]string{} // of a tablespace, by the first line that maps it
	for _, line := range c.Lines(stanza, "restore", "tablespace-map") {
		name, to, _ := strings.Cut(line.Value, "=")
		at := slices.IndexFunc(m.Targets, func(t ManifestTarget) bool {
			return t.TablespaceID != "" && (t.TablespaceID == name || t.TablespaceName == name)
		})
		if at < 0 {
			list = append(list, UselessMap{line, "the set has no such tablespace"})
			continue
		}
		id := m.Targets[at].TablespaceID
		if before, mapped := paths[id]; mapped && before != to {
			list = append(list, UselessMap{line, "another line maps that tablespace elsewhere"})
			continue
		}
		paths[id] = to
	}
	for _, line := range c.Lines(stanza, "restore", "link-map") {
		name, to, _ := strings.Cut(line.Value, "=")
		switch name = dataTarget + "/" + name; {
		case path.Dir(name) == dataTarget+"/pg_tblspc":
			list = append(list, UselessMap{line, "tablespaces are mapped by tablespace-map"})
		case !m.has(name):
			list = append(list, UselessMap{line, "the set has no such file or directory"})
		case m.isFile(name) && !strings.Contains(to, "/"):
			list = append(list, UselessMap{line, "a file is linked to a path with a directory in it"})
		}
	}
	return list
}

// has says whether a set has a link, a file or a directory of that name.
func (m Manifest) has(name string) bool {
	return slices.Contains(m.Paths, name) || m.isFile(name) ||
		slices.ContainsFunc(m.Targets, func(t ManifestTarget) bool { return t.Name == name })
}
