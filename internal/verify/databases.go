package verify

import "context"

// anyDatabase asks Connect for whichever database takes connections: those that initdb makes may
// be closed, or not be there.
const anyDatabase = ""

// Databases lists the databases that can be opened: -2 marks one whose DROP DATABASE had
// begun where recovery ended, and nobody may connect to it any more.
func Databases(ctx context.Context, connect Connect) ([]string, error) {
	return textsIn(ctx, connect, anyDatabase,
		"SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname")
}
