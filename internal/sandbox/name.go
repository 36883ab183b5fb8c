package sandbox

import (
	"net/url"
	"strings"
	"unicode"

	"veza.fr/recovery/internal/reason"
)

// Prefix begins the name of everything a drill makes on a machine.
const Prefix = "veza-drill-"

// maxName is how long a stanza may be in a file name, in bytes: 255 less prefix and suffix.
const maxName = 200

// PlainPath says whether a path means nothing but itself to those who are handed it: to the shell that pg_ctl and
// PostgreSQL start commands by, to restore_command (a percent sign), or to a configuration file. A blank or a comma is
// quoted on the way.
func PlainPath(path string) bool {
	const meaning = "'\"\\%$`;&|<>(){}[]*?!#~"
	return !strings.ContainsFunc(path, func(c rune) bool {
		return strings.ContainsRune(meaning, c) || !unicode.IsPrint(c)
	})
}

// FileName writes a stanza so that it can stand in a file name: what is not a
// letter, a digit, '-', '_' or '.' becomes %XX, so no two stanzas share a name.
// A stanza that is empty or too long is config_invalid.
func FileName(stanza string) (string, error) {
	name := strings.NewReplacer("~", "%7E", "$", "%24", "&", "%26", "+", "%2B", "=", "%3D", ":", "%3A", "@", "%40").
		Replace(url.PathEscape(stanza))
	if name == "" || len(name) > maxName {
		return "", reason.Errorf(reason.ConfigInvalid, "stanza %q: a name of 1 to %d characters is needed", stanza,
			maxName)
	}
	return name, nil
}

// StanzaOf is the inverse of FileName; false for what FileName never writes.
func StanzaOf(name string) (string, bool) {
	stanza, err := url.PathUnescape(name)
	if err != nil {
		return "", false
	}
	again, err := FileName(stanza)
	return stanza, err == nil && again == name
}
