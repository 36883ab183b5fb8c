package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// programLimit is the code of a limit of PostgreSQL's own: nothing it puts together may be
// larger than 1 GB, and a row of several columns that are stored out of line may be.
const programLimit = "54000"

// outOfMemory is the code of an allocation the machine refused.
const outOfMemory = "53200"

// invalidSize is what PostgreSQL says of a length it cannot allocate: that of more than 1 GB,
// or of a damaged value, which no column tells apart but the one that holds it.
const invalidSize = "invalid memory alloc request size"

func tooLarge(answer *pgconn.PgError) bool {
	return answer.Code == programLimit || answer.Code == outOfMemory ||
		strings.HasPrefix(answer.Code, internalError) && strings.Contains(answer.Message, invalidSize)
}

// part is what is read of a table at a time.
type part struct {
	Columns string // quoted
	// Read reads every value without sending it, of a single column.
	Read string
	// Hashed says that Read sees all that sending would: up to 1 GB of each need not come here.
	Hashed bool
}

// partsQuery lists what is stored in the row itself, together, and each column that may be stored
// out of line. *= compares what is stored, after it was fetched.
const partsQuery = `SELECT string_agg(name, ', ' ORDER BY attnum), coalesce(min(read), ''),
	coalesce(min(read) LIKE 'pg_catalog.%', false) FROM (
	SELECT a.attnum, quote_ident(a.attname) AS name, CASE
		WHEN a.attstorage = 'p' THEN NULL
		WHEN t.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
			THEN format('pg_catalog.hashtextextended(%I::text COLLATE pg_catalog."C", 0) IS NULL', a.attname)
		WHEN t.oid = 'bytea'::regtype THEN format('pg_catalog.sha256(%I) IS NULL', a.attname)
		ELSE format('ROW(%I)::record OPERATOR(pg_catalog.*=) ROW(%1$I)::record', a.attname) END AS read
	FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated IN ('', 's')) c
	GROUP BY CASE WHEN read IS NULL THEN 0 ELSE attnum END ORDER BY min(attnum)`

// readByColumns reads a table that cannot be copied row by row, for the size of something in it, which is what the
// server said. Where every column can be read, a row has more than 1 GB, or more than the memory here, which is no
// damage: a note. Where the queries for that cannot be asked, such as for an expression of an index, damage that was
// said stands.
func readByColumns(ctx context.Context, conn *pgx.Conn, r relation, said *pgconn.PgError) (
	found []Outcome, note string, err error,
) {
	rows, err := conn.Query(ctx, partsQuery, pgx.QueryExecModeExec, r.oid)
	var parts []part
	if err == nil {
		parts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[part])
	}
	for _, p := range parts {
		var answer *pgconn.PgError
		if answer, err = p.read(ctx, conn, r); err != nil {
			return nil, "", err
		}
		if answer != nil {
			found, note = copyFailed(r, answer, answer.Code == programLimit || !tooLarge(answer))
			if note != "" && !tooLarge(answer) && saysDamage(said) {
				found, note = copyFailed(r, said, false)
			}
			return found, note, nil
		}
	}
	return nil, byColumns(r, said), err
}

// byColumns is what is said of a table whose columns can all be read. What COPY puts together takes several times the
// memory of a row: where the machine refused it, the row may be far below 1 GB.
func byColumns(r relation, said *pgconn.PgError) (note string) {
	if said.Code == outOfMemory {
		return r.title() + " was read column by column: this machine has not enough memory for one of its rows as a " +
			"whole, or for the row beside what else ran; nothing is said of its size"
	}
	note = r.title() + " holds a row of more than 1 GB and was read column by column"
	if r.kind != "m" { // whose rows are in no dump
		note += "; pg_dump cannot dump that row"
	}
	return note
}

// read reads one part, and returns what the server said when it could not.
func (p part) read(ctx context.Context, conn *pgx.Conn, r relation) (*pgconn.PgError, error) {
	if !p.Hashed {
		answer, err := copyOut(ctx, conn, fmt.Sprintf("(SELECT %s FROM ONLY %s)", p.Columns, r.name))
		if err != nil || answer == nil || p.Read == "" || !tooLarge(answer) {
			return answer, err
		}
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("SELECT count(*) FILTER (WHERE %s) FROM ONLY %s", p.Read, r.name))
	if err == nil {
		return nil, nil
	}
	return serverError(ctx, conn, err)
}
