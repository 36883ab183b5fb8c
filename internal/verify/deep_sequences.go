package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
)

// fedColumns are the sequences that feed a column of whole numbers. Keyed says that the column
// alone is unique: only then does a sequence that lags stop the next row.
const fedColumns = `SELECT s.oid::regclass::text, d.refobjid::regclass::text, quote_ident(a.attname), q.seqincrement,
	t.relkind = 'p',
	EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = d.refobjid AND x.indisunique AND x.indisvalid
	  AND x.indpred IS NULL AND x.indnkeyatts = 1 AND x.indkey[0] = a.attnum)
	FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
		AND s.relpersistence <> 't'
	JOIN pg_catalog.pg_class t ON t.oid = d.refobjid AND (t.relkind = 'r' OR t.relkind = 'p' AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_partition_tree(t.oid) p JOIN pg_catalog.pg_class f ON f.oid = p.relid
		WHERE f.relkind = 'f')) -- rows of elsewhere are no concern
	JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND NOT q.seqcycle
	JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
		AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
	AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) ORDER BY 1`

// fedColumn is one of them.
type fedColumn struct {
	Sequence, Table, Column string
	Increment               int64
	Parted                  bool // the column is that of all partitions
	Keyed                   bool
}

// sequences compares every sequence with the column it feeds: the next number must not be
// one that is there. WAL carries a sequence ahead of its rows, so that one that lags is
// of another moment than its table.
func (d Deep) sequences(ctx context.Context, s survey) (e examination, err error) {
	seen := 0
	for _, database := range s.databases {
		n, err := d.sequencesOf(ctx, database, &e)
		seen += n
		if err != nil {
			return e, fmt.Errorf("database %s: %w", database, err)
		}
	}
	e.examined = fmt.Sprintf("%d sequences", seen)
	return e, nil
}

func (d Deep) sequencesOf(ctx context.Context, database string, e *examination) (int, error) {
	conn, err := d.Connect.open(ctx, database)
	if err != nil {
		return 0, err
	}
	defer closeConn(ctx, conn)
	rows, err := conn.Query(ctx, fedColumns, pgx.QueryExecModeExec)
	if err != nil {
		return 0, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[fedColumn])
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && notAllowed(answer) {
		e.notes = append(e.notes,
			fmt.Sprintf("database %s: no sequence was compared: %s", database, whyNot(ctx, conn, answer)))
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, f := range list {
		text, err := f.collision(ctx, conn)
		if answer, ok := errors.AsType[*pgconn.PgError](err); ok && notAllowed(answer) {
			e.notes = append(e.notes, fmt.Sprintf("database %s: sequence %s of table %s was not compared: %s",
				database, f.Sequence, f.Table, whyNot(ctx, conn, answer)))
			continue
		}
		switch {
		case err != nil:
			return 0, fmt.Errorf("sequence %s: %w", f.Sequence, err)
		case text == "":
		case f.Keyed:
			e.findings = append(e.findings, finding(reason.StaleData, "database "+database+": "+text))
		default:
			e.notes = append(e.notes, "database "+database+": "+text)
		}
	}
	return len(list), nil
}

// collision says which number in the column the sequence's next one would collide with, or "".
func (f fedColumn) collision(ctx context.Context, conn *pgx.Conn) (string, error) {
	farthest := "max"
	if f.Increment < 0 {
		farthest = "min"
	}
	only := "ONLY " // a child's rows are under another index
	if f.Parted {
		only = ""
	}
	var last, there int64
	var called bool
	var value *int64
	query := fmt.Sprintf("SELECT s.last_value, s.is_called, (SELECT %s(%s) FROM %s%s) FROM %s s",
		farthest, f.Column, only, f.Table, f.Sequence)
	err := conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&last, &called, &value)
	if err != nil || value == nil { // an empty table is not ahead of anything
		return "", err
	}
	next := last
	if called {
		next += f.Increment
	}
	// Used up: the next row is refused, it does not collide.
	if f.Increment > 0 && next < last || f.Increment < 0 && next > last {
		return "", nil
	}
	there = *value
	// Steps of more than 1 leave room for numbers of others between its own.
	if f.Increment > 0 && next+f.Increment-1 > there || f.Increment < 0 && next+f.Increment+1 < there {
		return "", nil
	}
	return fmt.Sprintf(
		"sequence %s goes on with %d, and column %s of table %s is at %d already: the next row would collide; "+
			"setval() it in production if it is so there, else the sequence is older than its rows",
		f.Sequence, next, f.Column, f.Table, there), nil
}
