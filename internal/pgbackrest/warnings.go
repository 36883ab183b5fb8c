package pgbackrest

import "regexp"

// confWarning is a line about an option that pgBackRest does not know or take. It is printed while the
// options are read, when what they say of the log does not hold yet: since errors are no longer on standard
// error by default (versions.SilentStderr) it stands on standard output, before the answer
// (src/config/parse.c).
var confWarning = regexp.MustCompile(`\A(?:P[0-9]+ +WARN: (?:configuration file|environment) contains [^\n]*\n)+`)

// answer is what a command printed, without these lines.
func answer(stdout []byte) []byte { return stdout[len(confWarning.Find(stdout)):] }
