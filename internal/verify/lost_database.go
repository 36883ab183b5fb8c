package verify

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
)

// enteringSources are the files of PostgreSQL that let a session into a database. A function of the data can raise the
// same words.
var enteringSources = []string{"postinit.c", "miscinit.c"}

// lostDatabase says whether the server did not let a session into a database because its directory, or PG_VERSION in
// it, is gone or not as it was. That is damage, although its codes are those of a wrong name and a wrong parameter.
func lostDatabase(answer *pgconn.PgError) bool {
	if !slices.Contains(enteringSources, path.Base(answer.File)) {
		return false
	}
	switch answer.Code {
	case undefinedDB:
		return strings.HasPrefix(answer.Detail, "The database subdirectory ")
	case invalidParameter:
		return strings.HasSuffix(answer.Message, " is not a valid data directory") ||
			answer.Message == "database files are incompatible with server"
	}
	return false
}

// entering is the error of a session with a database as page_checksum, where lostDatabase says so; nil for any other.
func entering(database string, err error) error {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !lostDatabase(answer) {
		return nil
	}
	return reason.Errorf(reason.PageChecksum, "database %s cannot be entered: %s: %s %s", database, answer.Message,
		answer.Detail, lookElsewhere)
}

// storedDatabase is what lies in the directory of a database.
type storedDatabase struct {
	name    string
	dir     string // below the data directory
	version []byte // content of PG_VERSION; nil is no such file
	mapped  *int64 // length of pg_filenode.map, which says where the catalogs are; nil is no such file
}

// storedDatabasesQuery lists them all: also those that take no connections, into which nobody looks. One that is half
// dropped has nothing any more (-2). The directory in a tablespace is named by the versions of server and catalog.
const storedDatabasesQuery = `SELECT s.datname, s.dir, pg_read_binary_file(s.dir || '/PG_VERSION', 0, 64, true),
		(pg_stat_file(s.dir || '/pg_filenode.map', true)).size
	FROM (SELECT d.datname::text, CASE WHEN d.dattablespace = 1663 THEN 'base/'
			ELSE format('pg_tblspc/%s/PG_%s_%s/', d.dattablespace, current_setting('server_version_num')::int / 10000,
				(SELECT catalog_version_no FROM pg_control_system())) END || d.oid AS dir
		FROM pg_database d WHERE d.datconnlimit <> -2 ORDER BY d.datname OFFSET 0) s`

// ofCluster is what every database of a cluster has alike.
type ofCluster struct {
	major  string
	old    bool  // before version 10, which names its files otherwise
	mapped int64 // length of a pg_filenode.map, by that of the catalogs all databases share
}

const ofClusterQuery = `SELECT (current_setting('server_version_num')::int / 10000)::text,
	current_setting('server_version_num')::int < 100000, (pg_stat_file('global/pg_filenode.map')).size`

// unknownQuery lists directories of databases that are in no list. DROP and CREATE DATABASE leave one behind when a
// crash cuts them; a row that pg_database has lost looks the same.
const unknownQuery = `SELECT format('base/%s is the directory of a database that pg_database does not know: a CREATE '
		'or DROP DATABASE that a crash cut leaves one, or a database is lost', d)
	FROM pg_ls_dir('base') d WHERE d ~ '^[0-9]+$' AND d NOT IN (SELECT oid::text FROM pg_database)
		AND (pg_stat_file('base/' || d || '/PG_VERSION', true)).size IS NOT NULL ORDER BY 1`

// lostDirectories looks into the directory of every database for the two files without which nobody enters it, and for
// directories that no database has.
func (d Deep) lostDirectories(ctx context.Context, database string) (found []Outcome, notes []string, err error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return nil, nil, err
	}
	defer closeConn(ctx, conn)
	var all ofCluster
	err = conn.QueryRow(ctx, ofClusterQuery).Scan(&all.major, &all.old, &all.mapped)
	if err != nil || all.old {
		return nil, nil, err
	}
	if notes, err = texts(ctx, conn, unknownQuery); err != nil {
		return nil, nil, err
	}
	rows, err := conn.Query(ctx, storedDatabasesQuery)
	if err != nil {
		return nil, notes, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s storedDatabase, err error) {
		return s, row.Scan(&s.name, &s.dir, &s.version, &s.mapped)
	})
	for _, s := range list {
		if fault := s.judge(all); fault != "" {
			found = append(found, finding(reason.PageChecksum, fmt.Sprintf("database %s: %s: nobody can enter it; %s",
				s.name, fault, lookElsewhere)))
		}
	}
	return found, notes, err
}

// judge says what is wrong with the directory of a database; "" is nothing.
func (s storedDatabase) judge(all ofCluster) string {
	switch version := strings.TrimSpace(string(s.version)); {
	case s.version == nil:
		return "its file " + s.dir + "/PG_VERSION is missing"
	case version != all.major:
		return fmt.Sprintf("its file %s/PG_VERSION says %q, and the cluster is of %s", s.dir, version, all.major)
	case s.mapped == nil:
		return "its file " + s.dir + "/pg_filenode.map is missing"
	case *s.mapped != all.mapped:
		return fmt.Sprintf("its file %s/pg_filenode.map has %d bytes, not %d", s.dir, *s.mapped, all.mapped)
	}
	return ""
}
