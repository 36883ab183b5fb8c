package verify

import (
	"context"

	"veza.fr/recovery/internal/postgres"
)

// Databases lists the databases that can be opened: -2 marks one whose DROP DATABASE had
// begun where recovery ended, and nobody may connect to it any more. Either of those that
// initdb makes may be closed, or not be there.
func Databases(ctx context.Context, connect Connect) (list []string, err error) {
	for _, database := range []string{"template1", "postgres"} {
		list, err = textsIn(ctx, connect, database,
			"SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY "+
				"datname")
		if err == nil || !postgres.ClosedDatabase(err) {
			return list, err
		}
	}
	return nil, err
}
