package pgbackrest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// ConfFile is one file of a configuration.
type ConfFile struct {
	Path    string
	Content []byte
}

// Line is where an option of a configuration stands.
type Line struct {
	Path            string
	Number          int // 1 is the first
	Section, Option string
	Name            string // as the option is written there: an old name of Option, or the same
	Value           string
}

// Place is the line's place for messages: /etc/pgbackrest/pgbackrest.conf:7.
func (l Line) Place() string { return fmt.Sprintf("%s:%d", l.Path, l.Number) }

// blanks are what pgBackRest trims (strTrim in src/common/type/string.c).
const blanks = " \t\r\n"

// byteOrderMark is what some editors put before UTF-8 text. pgBackRest takes it for a part of
// the first line.
var byteOrderMark = []byte("\xef\xbb\xbf")

// linesOf reads a file as pgBackRest does (iniValueNext in src/common/ini.c): a comment is a
// line that begins with # and nothing else, a section ends with the last character of its
// line, and a value is all behind the first =. What pgBackRest calls a format error [029] is
// config_invalid; the line is not repeated, because it may hold a secret.
func linesOf(f ConfFile) (list []Line, sections []string, err error) {
	wrong := func(number int, what string) error {
		return reason.Errorf(reason.ConfigInvalid, "%s:%d: %s: pgBackRest refuses the file with [029]", f.Path, number,
			what)
	}
	if bytes.HasPrefix(f.Content, byteOrderMark) {
		return nil, nil, wrong(1, "the file begins with a byte order mark: save it as UTF-8 without one")
	}
	section := ""
	for i, text := range strings.Split(string(f.Content), "\n") {
		text = strings.Trim(text, blanks)
		option, value, found := strings.Cut(text, "=")
		option = strings.Trim(option, blanks)
		switch {
		case text == "" || text[0] == '#':
		case text[0] == '[' && text[len(text)-1] != ']':
			return nil, nil, wrong(i+1, "a section must end with ]")
		case text == "[]":
			return nil, nil, wrong(i+1, "a section without a name")
		case text[0] == '[':
			if section = text[1 : len(text)-1]; !slices.Contains(sections, section) {
				sections = append(sections, section)
			}
		case section == "":
			return nil, nil, wrong(i+1, "a line before the first [section]")
		case !found:
			return nil, nil, wrong(i+1, "a line is neither [section] nor option=value")
		case option == "":
			return nil, nil, wrong(i+1, "a value without an option")
		default:
			list = append(list, Line{f.Path, i + 1, section, NameOf(option), option, strings.Trim(value, blanks)})
		}
	}
	return list, sections, nil
}

// Line is where the value stands that a command sees for an option; false when none does. An
// old name of the option is as good.
func (c *Config) Line(stanza, command, option string) (Line, bool) {
	for _, section := range sections(stanza, command) {
		is := func(l Line) bool { return l.Section == section && l.Option == option }
		if i := slices.IndexFunc(c.lines, is); i >= 0 {
			return c.lines[i], true
		}
	}
	return Line{}, false
}

// Lines are those by which a command sees an option that may be given more than once: those of the first section that
// has any.
func (c *Config) Lines(stanza, command, option string) (list []Line) {
	for _, section := range sections(stanza, command) {
		for _, line := range c.Sets(option) {
			if line.Section == section {
				list = append(list, line)
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	return nil
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
