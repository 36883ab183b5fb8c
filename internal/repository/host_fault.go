package repository

import (
	"regexp"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// hostFault finds in what pgBackRest says a fault of the repository host's own pgBackRest: it is of another version,
// or has not the conf that this one names for it. The latter reads like a file that is missing in the repository.
func (c Client) hostFault(message string) error {
	if c.Host() == "" {
		return nil
	}
	said := pgbackrest.Printable(message)
	if here, there, ok := pgbackrest.OtherVersion(message); ok {
		return reason.Errorf(reason.VersionMismatch, "pgBackRest %s is installed here, and the repository host %s has "+
			"%s: both must be the same, install %s here (or drill there): %s", here, c.Host(), there,
			there, said)
	}
	for _, option := range []string{"host-config", "host-config-include-path", "host-config-path"} {
		at := c.repo().Option(option)
		if at == "" {
			continue
		}
		missing := regexp.MustCompile(`missing (file|path) '` + regexp.QuoteMeta(at) + `['/]`)
		if missing.MatchString(message) {
			return reason.Errorf(reason.ConfigInvalid, "repo%d-%s=%s: the repository host %s has no such file or "+
				"directory: name its own pgbackrest.conf, or leave the option out: %s", c.Key, option, at, c.Host(),
				said)
		}
	}
	return nil
}
