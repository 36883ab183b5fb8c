package pgbackrest

import (
	"fmt"
	"slices"
	"strings"
)

// ConfFile is one file of a configuration.
type ConfFile struct {
	Path    string
	Content []byte
}

// Line is where an option of a configuration stands.
type Line struct {
	Path            string
	Number          int // 1 is the first; 0 is not known
	Section, Option string
	Value           string
}

// Place is the line's place for messages: /etc/pgbackrest/pgbackrest.conf:7.
func (l Line) Place() string {
	if l.Number == 0 {
		return l.Path
	}
	return fmt.Sprintf("%s:%d", l.Path, l.Number)
}

// linesOf finds every option of a file. Lines that hold none are skipped: reading the
// file as a whole refuses them.
func linesOf(f ConfFile) (list []Line) {
	section := ""
	for i, text := range strings.Split(string(f.Content), "\n") {
		text = strings.TrimSpace(text)
		if name, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(name, "]") {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		option, value, ok := strings.Cut(text, "=")
		if ok && !strings.HasPrefix(text, "#") {
			list = append(list, Line{f.Path, i + 1, section, strings.TrimSpace(option), strings.TrimSpace(value)})
		}
	}
	return list
}

// Line is where the value stands that a command sees for an option; false when none does.
func (c *Config) Line(stanza, command, option string) (Line, bool) {
	value := c.Option(stanza, command, option)
	for _, section := range sections(stanza, command) {
		if found, err := c.file.GetSection(section); err != nil || !found.HasKey(option) {
			continue
		}
		i := slices.IndexFunc(c.lines,
			func(l Line) bool { return l.Section == section && l.Option == option && l.Value == value })
		if i < 0 { // a way of writing it that linesOf does not know
			return Line{Path: c.Path, Section: section, Option: option, Value: value}, true
		}
		return c.lines[i], true
	}
	return Line{}, false
}

// Sets are all lines that set an option, whatever section they stand in.
func (c *Config) Sets(option string) (list []Line) {
	for _, l := range c.lines {
		if l.Option == option {
			list = append(list, l)
		}
	}
	return list
}
