package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ConnectionLimit is the CONNECTION LIMIT of a database that has one. The reader of a kept cluster would be kept out by
// it: no superuser is, but their sessions count.
type ConnectionLimit struct {
	OID      uint32 `json:"oid"`
	Database string `json:"database"`
	Limit    int32  `json:"limit"`
}

// ReadLimits remembers the connection limits that MakeReader lifts and RemoveOurs puts back. Whoever may be killed in
// between writes them down first.
func (s *Server) ReadLimits(ctx context.Context) error {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	if err = AsStored(ctx, conn); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `SELECT oid, datname::text, datconnlimit FROM pg_catalog.pg_database
		WHERE datallowconn AND datconnlimit >= 0 ORDER BY oid`)
	if err == nil {
		s.Limits, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ConnectionLimit])
	}
	return err
}

// lifted is what lifts connection limits. A database that cannot be changed, since a prepared transaction has changed
// it, is left as it is.
func lifted(limits []ConnectionLimit) string {
	return eachLimit(limits, `
				EXECUTE pg_catalog.format('ALTER DATABASE %I CONNECTION LIMIT -1', d.datname);
			EXCEPTION WHEN lock_not_available THEN NULL;`)
}

// putBack is what puts them back.
func putBack(limits []ConnectionLimit) string {
	return eachLimit(limits, `
				IF d.datconnlimit <> d.was THEN
					EXECUTE pg_catalog.format('ALTER DATABASE %I CONNECTION LIMIT %s', d.datname, d.was);
				END IF;`)
}

// notBack asks whether there is one to put back; "" where none was.
func notBack(limits []ConnectionLimit) string {
	if len(limits) == 0 {
		return ""
	}
	return "SELECT EXISTS (SELECT FROM " + limited(limits) + " WHERE b.datconnlimit <> l.was)"
}

// eachLimit does something for each of the databases that had a limit; "" where none had.
func eachLimit(limits []ConnectionLimit, do string) string {
	if len(limits) == 0 {
		return ""
	}
	return `
	DO $$
	DECLARE d record;
	BEGIN
		FOR d IN SELECT b.datname, b.datconnlimit, l.was FROM ` + limited(limits) + `
		LOOP
			BEGIN` + do + `
			END;
		END LOOP;
	END $$;`
}

// limited are the databases b that had a limit l.was; there is one.
func limited(limits []ConnectionLimit) string {
	list := make([]string, 0, len(limits))
	for _, l := range limits {
		list = append(list, fmt.Sprintf("(%d::pg_catalog.oid, %d)", l.OID, l.Limit))
	}
	return `pg_catalog.pg_database b JOIN (VALUES ` + strings.Join(list, ", ") + `) l(oid, was) ON b.oid = l.oid`
}
