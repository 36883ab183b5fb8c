package postgres

import (
	"regexp"
	"strings"
)

// Setting is one line of a PostgreSQL configuration file.
type Setting struct {
	Name, Value string // the name in lower case, the value without its quotes
	File        string // as a person finds it: postgresql.conf, conf.d/app.conf
	Line        int    // 1 is the first
}

// confLine is `name = value  # comment`: the = is optional, and the value may be quoted
// (guc-file.l). A name with a dot belongs to an extension, or to the application.
var confLine = regexp.MustCompile(`^[ \t]*(` + confName + `(?:\.` + confName + `)?)[ \t]*=?[ \t]*` +
	`('(?:[^'\\]|\\.|'')*'|[-+A-Za-z0-9_.:/` + notASCII + `]+)[ \t\r]*(?:#.*)?$`)

const (
	notASCII = `\x{80}-\x{10FFFF}`
	confName = `[A-Za-z_` + notASCII + `][A-Za-z0-9_$` + notASCII + `]*`
)

// blankLine holds nothing, or a comment.
var blankLine = regexp.MustCompile(`^[ \t\r]*(?:#.*)?$`)

// parseConf reads the settings of a configuration file in order, and the numbers of the lines that
// PostgreSQL would refuse the whole file for.
func parseConf(file, content string) (settings []Setting, refused []int) {
	for i, line := range strings.Split(content, "\n") {
		if s, ok := parseConfLine(line); ok {
			s.File, s.Line = file, i+1
			settings = append(settings, s)
		} else if !blankLine.MatchString(line) {
			refused = append(refused, i+1)
		}
	}
	return settings, refused
}

// parseConfLine reads one line; false is a line without a setting.
func parseConfLine(line string) (Setting, bool) {
	match := confLine.FindStringSubmatch(line)
	if match == nil {
		return Setting{}, false
	}
	return Setting{Name: strings.ToLower(match[1]), Value: unquoted(match[2])}, true
}

// escapes are the letters after a backslash that are no letters (GUC_scanstr).
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquoted is the value that a quoted one stands for: a doubled quote is one, and a backslash
// takes the next character as it is, or as an octal number.
func unquoted(value string) string {
	if len(value) < 2 || value[0] != '\'' {
		return value
	}
	value = value[1 : len(value)-1]
	var plain strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\'':
			plain.WriteByte(c)
			i++ // the second of two
		case c != '\\' || i+1 == len(value):
			plain.WriteByte(c)
		case value[i+1] >= '0' && value[i+1] <= '7':
			code := byte(0)
			for n := 0; n < 3 && i+1 < len(value) && value[i+1] >= '0' && value[i+1] <= '7'; n++ {
				i++
				code = code<<3 | (value[i] - '0')
			}
			plain.WriteByte(code)
		default:
			i++
			if special, ok := escapes[value[i]]; ok {
				plain.WriteByte(special)
			} else {
				plain.WriteByte(value[i])
			}
		}
	}
	return plain.String()
}

// quoted writes a value so that unquoted reads it back. A line break would end the setting.
func quoted(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''", "\n", `\n`, "\r", `\r`).Replace(value) + "'"
}

// splitList splits a comma-separated list of library names, quotes taken off.
func splitList(value string) []string {
	var list []string
	for _, item := range strings.Split(value, ",") {
		if item = strings.Trim(strings.TrimSpace(item), `"`); item != "" {
			list = append(list, item)
		}
	}
	return list
}
