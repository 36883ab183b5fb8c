package postgres

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
)

// loader is the file of PostgreSQL that loads libraries and looks for functions in them: a library that is not there,
// that lacks one it needs, or is of another build (XX000, 58P01), and a function that an older one does not have
// (42883). A function of the data can raise the same words, and not from there.
const loader = "dfmgr.c"

// notPreloaded are the words of an extension whose library works only when the server began with it. They come as an
// internal error (XX000), as damage does. Its version is what the catalogs of the data want, or it does not work.
var (
	notPreloaded = regexp.MustCompile(`must be preloaded|` +
		`\b(?:via|through|by|in|into|to|with|using) "?shared_preload_libraries\b`)
	otherVersion = regexp.MustCompile(`version mismatch: shared library version|` +
		`^loaded \S+ library version differs from|^extension "" does not support postgres version`)
)

// quotedSetting is the setting where it is quoted: no name that the data chose.
const quotedSetting = `"shared_preload_libraries"`

// LacksLibrary says whether the server answered that it could not load a library of an extension here, or found less
// in it than the data needs. That is a lack of this machine, and says nothing about the data.
func LacksLibrary(answer *pgconn.PgError) bool {
	if path.Base(answer.File) == loader {
		return !strings.HasPrefix(answer.Code, "53") // out of memory
	}
	if RaisedByData(answer) || slices.Contains([]string{"XX001", "XX002"}, answer.Code) {
		return false
	}
	said := withoutNames(strings.ReplaceAll(answer.Message, quotedSetting, strings.Trim(quotedSetting, `"`)))
	return notPreloaded.MatchString(said) || otherVersion.MatchString(said)
}

// MissingLibrary is the tool_missing of an error that LacksLibrary; nil for any other.
func MissingLibrary(err error) error {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !LacksLibrary(answer) {
		return nil
	}
	return reason.Errorf(reason.ToolMissing, "%w; %s", err, LibraryHint(answer))
}

// LibraryHint says what to do about an answer that LacksLibrary.
func LibraryHint(answer *pgconn.PgError) string {
	if notPreloaded.MatchString(answer.Message) {
		return "what the restored configuration preloads is preloaded here, where it is installed: see what was left " +
			"out, install its package or take another -image; a postgresql.conf outside the data directory (Debian: " +
			"/etc/postgresql) and a command line are in no backup, and name nothing here"
	}
	return "its extension is not installed here, or not as production has it: another -image, or its package, has it"
}

// languages begin the names of the files in which procedural languages pass on what a function said.
var languages = []string{"pl_", "plperl", "plpy", "pltcl", "plv8", "pllua", "plr", "pljava"}

// RaisedByData says whether a function of the data raised an error, which may give it any code and any words. An error
// carries the source file it was raised in, and no function can change that.
func RaisedByData(answer *pgconn.PgError) bool {
	name := path.Base(answer.File)
	return slices.ContainsFunc(languages, func(begins string) bool { return strings.HasPrefix(name, begins) })
}
