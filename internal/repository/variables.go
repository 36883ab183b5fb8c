package repository

import (
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// CheckVariables looks at the PGBACKREST_ variables of an environment (as of os.Environ). A run
// takes none of them: its commands get an environment of their own, and restore writes none of
// what it found there into restore_command (facts A2), so a restore that lives by a variable
// ends where PostgreSQL asks for WAL. One that says where the repository lies, or what opens
// it, while the conf says nothing of it, is config_invalid: without it another repository
// would be judged. The others are named in a note. Values are never shown.
func (r Repository) CheckVariables(log Log, environ []string) error {
	var left []string
	for _, v := range pgbackrest.Variables(environ) {
		if v.Reaches(r.Key) && len(r.Conf.Sets(v.Option)) == 0 {
			return reason.Errorf(reason.ConfigInvalid, "%s is set, and %s has no %s: pgBackRest would take it from "+
				"the environment, which PostgreSQL does not have when it recovers; put it into the conf, and unset "+
				"the variable", v.Name, r.Conf.Path, v.Option)
		}
		left = append(left, v.Name)
	}
	if len(left) > 0 {
		log.Note("%s set here and not taken: the conf alone counts, as for PostgreSQL when it recovers",
			plural(left, "is", "are"))
	}
	return nil
}

// plural joins words, and puts the verb that fits their number behind them.
func plural(words []string, one, more string) string {
	if len(words) == 1 {
		return words[0] + " " + one
	}
	return strings.Join(words, ", ") + " " + more
}

// shellSigns mean something to a shell, or end a value of postgresql.auto.conf.
const shellSigns = "'\"\\$`&;|<>()*?!{}"

// SayName warns of a stanza whose name pgBackRest writes into restore_command as it is, though a
// shell reads something else there: a restore by hand comes to the same end.
func (r Repository) SayName(log Log) {
	if strings.ContainsAny(r.Stanza, shellSigns) {
		log.Note("warning: stanza %q has a character that the shell takes for its own: pgBackRest writes the name "+
			"into restore_command without quotes, and a recovery may find no WAL for that alone", r.Stanza)
	}
}
