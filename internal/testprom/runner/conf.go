package runner

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"veza.fr/recovery/internal/testprom/evidence"
)

// stanzaOfConf is the one stanza of the conf that the command asks for: the drill of it would have been of that one.
// It is unknown where the conf has none or several, or cannot be read, and "" where no conf is asked for.
func (r *run) stanzaOfConf() string {
	if len(r.command) == 0 {
		return ""
	}
	variable := cmp.Or(lookup(r.command, "DRILL_CONF"), lookup(r.Env, "DRILL_CONF")) // env DRILL_CONF=FILE ...
	path := flags(r.command[1:]).or("conf", variable)
	if path == "" {
		return ""
	}
	var text strings.Builder
	for _, file := range append([]string{path}, usualConf.beside(path)...) {
		content, err := os.ReadFile(file)
		if err != nil {
			return evidence.UnknownStanza
		}
		text.Write(append(content, '\n'))
	}
	if names := stanzasIn(text.String()); len(names) == 1 {
		return names[0]
	}
	return evidence.UnknownStanza
}

// confPlaces are where pgBackRest looks for its conf, in this order, and for what belongs to that conf and no other.
type confPlaces struct {
	confs   []string
	include string
}

var usualConf = confPlaces{
	[]string{"/etc/pgbackrest/pgbackrest.conf", "/etc/pgbackrest.conf"}, "/etc/pgbackrest/conf.d",
}

// beside are the files that count as a conf does: none but where it is the one that pgBackRest would take by itself.
func (p confPlaces) beside(path string) []string {
	asked, err := os.Stat(path)
	for _, usual := range p.confs {
		if there, none := os.Stat(usual); none == nil {
			if err != nil || !os.SameFile(asked, there) {
				return nil
			}
			more, _ := filepath.Glob(filepath.Join(p.include, "*.conf")) // no pattern of the path's is one
			return more
		}
	}
	return nil
}

// stanzasIn are the stanzas that a conf has sections of. It is told from sections alone, and not with package
// pgbackrest: nothing here may wait for what a start that failed did not need.
func stanzasIn(conf string) (names []string) {
	for line := range strings.Lines(conf) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "[")
		name, closed := strings.CutSuffix(name, "]")
		name, _, _ = strings.Cut(name, ":") // of a section of one command
		if ok && closed && name != "global" && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
