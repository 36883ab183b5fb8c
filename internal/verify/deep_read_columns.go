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
}

// partsQuery lists what is stored in the row itself, together, and each column that may be stored
// out of line. *= compares what is stored, after it was fetched.
const partsQuery = `SELECT string_agg(name, ', ' ORDER BY attnum), coalesce(min(read), '') FROM (
	SELECT a.attnum, quote_ident(a.attname) AS name, CASE
		WHEN a.attstorage = 'p' THEN NULL
		WHEN t.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
			THEN format('pg_catalog.hashtextextended(%I::text COLLATE pg_catalog."C", 0) IS NULL', a.attname)
		WHEN t.oid = 'bytea'::regtype THEN format('pg_catalog.sha256(%I) IS NULL', a.attname)
		ELSE format('ROW(%I)::record OPERATOR(pg_catalog.*=) ROW(%1$I)::record', a.attname) END AS read
	FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated IN ('', 's')) c
	GROUP BY CASE WHEN read IS NULL THEN 0 ELSE attnum END ORDER BY min(attnum)`

// readByColumns reads a table that cannot be copied row by row, for the size of something in it.
// Where every column can be read, a row has more than 1 GB, which is no damage: a note.
func readByColumns(ctx context.Context, conn *pgx.Conn, r relation) (found []Outcome, note string, err error) {
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
			return found, note, nil
		}
	}
	return nil, fmt.Sprintf("%s %s in database %s holds a row of more than 1 GB and was read column by column; "+
		"pg_dump cannot dump that row", kinds[r.kind], r.name, r.database), err
}

// read reads one part, and returns what the server said when it could not.
func (p part) read(ctx context.Context, conn *pgx.Conn, r relation) (*pgconn.PgError, error) {
	source := fmt.Sprintf("COPY (SELECT %s FROM ONLY %s) TO '/dev/null'", p.Columns, r.name)
	_, err := conn.Exec(ctx, source+" (FORMAT binary)")
	if err == nil {
		return nil, nil
	}
	answer, err := serverError(ctx, conn, err)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Read != "" && (tooLarge(answer) || answer.Code == noBinary):
		source = fmt.Sprintf("SELECT count(*) FILTER (WHERE %s) FROM ONLY %s", p.Read, r.name)
	case answer.Code != noBinary:
		return answer, nil
	}
	if _, err = conn.Exec(ctx, source); err == nil {
		return nil, nil
	}
	return serverError(ctx, conn, err)
}
