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
	lines := c.keyed(stanza, "tablespace-map")
	for i, line := range lines {
		ours := slices.DeleteFunc(slices.Clone(m.Targets), func(t ManifestTarget) bool { return !t.is(keyOf(line)) })
		elsewhere := func(other Line) bool { // by the tablespace's other key
			return valueOf(other) != valueOf(line) &&
				slices.ContainsFunc(ours, func(t ManifestTarget) bool { return t.is(keyOf(other)) })
		}
		switch {
		case len(ours) == 0:
			list = append(list, UselessMap{line, "the set has no such tablespace"})
		case slices.ContainsFunc(lines[:i], elsewhere):
			list = append(list, UselessMap{line, "another line maps that tablespace elsewhere"})
		}
	}
	for _, line := range c.keyed(stanza, "link-map") {
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

// keyed are the lines of an option that has keys: of each key the last, which goes (src/config/parse.c, 2.45 to
// 2.59.1).
func (c *Config) keyed(stanza, option string) (list []Line) {
	lines := c.Lines(stanza, "restore", option)
	for i, line := range lines {
		if !slices.ContainsFunc(lines[i+1:], func(later Line) bool { return keyOf(later) == keyOf(line) }) {
			list = append(list, line)
		}
	}
	return list
}

func keyOf(l Line) string {
	key, _, _ := strings.Cut(l.Value, "=")
	return key
}

func valueOf(l Line) string {
	_, value, _ := strings.Cut(l.Value, "=")
	return value
}

// is says whether a key of tablespace-map names the target: a tablespace by its name or its OID.
func (t ManifestTarget) is(key string) bool {
	return t.TablespaceID != "" && (key == t.TablespaceID || key == t.TablespaceName)
}

// has says whether a set has a link, a file or a directory of that name.
func (m Manifest) has(name string) bool {
	return slices.Contains(m.Paths, name) || m.isFile(name) ||
		slices.ContainsFunc(m.Targets, func(t ManifestTarget) bool { return t.Name == name })
}
