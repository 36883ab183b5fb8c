package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// primaryKeys are the libpq options -primary may hold. Options pgx would hand
// to the server as run-time parameters stay out, so that a misspelt one is
// found here and not by the primary at 4 in the morning.
var primaryKeys = []string{
	"host", "port", "dbname", "user", "passfile", "service", "servicefile", "connect_timeout",
	"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcertmode", "sslnegotiation", "sslsni",
	"krbspn", "krbsrvname", "target_session_attrs", "min_protocol_version", "max_protocol_version",
	"channel_binding", "require_auth", "application_name", "options",
}

// secretKeys are the options that would put a secret into argv or the environment.
var secretKeys = []string{"password", "sslpassword"}

// parsePrimary proves that a libpq string can be used and holds no secret. It
// connects to nothing. No message repeats any part of the string: pgconn's own
// redaction is best effort.
func parsePrimary(value string) (string, error) {
	err := parseWith(value, primaryKeys)
	if err == nil {
		return value, nil
	}
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return "", fmt.Errorf("names a file that cannot be read: %w", missing)
	}
	// Options are refused before files are opened: whoever gets further with the
	// secret ones allowed holds one.
	further := parseWith(value, slices.Concat(primaryKeys, secretKeys))
	if _, ok := errors.AsType[*fs.PathError](further); ok || further == nil {
		return "", errors.New(
			"holds a password, which everybody on this machine could read: put it into a passfile (passfile=...) " +
				"or a service file (service=...)",
		)
	}
	return "", errors.New("is no libpq string that can be used (it is not shown, since it may hold a secret): " +
		"keyword=value pairs or a postgres:// URI, with options psql knows; try it with psql")
}

func parseWith(value string, keys []string) error {
	_, err := pgconn.ParseConfigWithOptions(value, pgconn.ParseConfigOptions{ConnStringAllowedKeys: keys})
	return err
}
