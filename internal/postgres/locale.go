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

// wrongLocale is how PostgreSQL refuses a database whose locale is not installed (postinit.c), noLocale
// how a query fails that needs one (pg_locale.c).
const (
	wrongLocale = "database locale is incompatible with operating system"
	noLocale    = "could not create locale "
)

// localeName is the name in the words or the DETAIL of both.
var localeName = regexp.MustCompile(`(?:LC_COLLATE|LC_CTYPE|locale) "([^"]*)"`)

// localeSources are the files of PostgreSQL that say so. A function of the data can raise the same words.
var localeSources = []string{"postinit.c", "pg_locale.c", "pg_locale_libc.c", "pg_locale_icu.c"}

// MissingLocale is the tool_missing that an error came to which the server gave because a locale is not
// installed here; nil for any other error. Among several the first is named.
func MissingLocale(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !slices.Contains(localeSources, path.Base(refused.File)) ||
		refused.Message != wrongLocale && !strings.HasPrefix(refused.Message, noLocale) {
		return nil
	}
	name := "of the database"
	if match := localeName.FindStringSubmatch(refused.Message + " " + refused.Detail); match != nil {
		name = match[1]
	}
	return reason.Errorf(reason.ToolMissing,
		"locale %s is not installed on this machine: on Debian, add it to /etc/locale.gen and run locale-gen: %w",
		name, refused)
}
