package verify

import (
	"context"

	"veza.fr/recovery/internal/postgres"
)

// anyDatabase asks Connect for whichever database takes connections: those that initdb makes may
// be closed, or not be there.
const anyDatabase = ""

// closedDatabases lists those that were closed by hand, and hold data of somebody: no template.
const closedDatabases = `SELECT datname::text FROM pg_catalog.pg_database
	WHERE NOT datallowconn AND NOT datistemplate AND datconnlimit <> -2 ORDER BY datname`

// Databases lists the databases that can be opened: -2 marks one whose DROP DATABASE had
// begun where recovery ended, and nobody may connect to it any more. A name is as it is stored: who connects is
// looked for by its bytes, in no encoding.
func Databases(ctx context.Context, connect Connect) ([]string, error) {
	return listDatabases(ctx, connect,
		"SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname")
}

func listDatabases(ctx context.Context, connect Connect, query string) ([]string, error) {
	conn, err := connect.open(ctx, anyDatabase)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	if err = postgres.AsStored(ctx, conn); err != nil {
		return nil, err
	}
	return texts(ctx, conn, query)
}
