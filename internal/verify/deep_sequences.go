package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// fedColumns are the sequences that feed a column of whole numbers, numeric, or a domain of these. Keyed says that
// the column alone is unique: only then does a sequence that lags stop the next row. It takes no lock, as
// pg_partition_tree and pg_get_expr of a table would: one that a prepared transaction holds would
// keep every other sequence of its database from being compared.
const fedColumns = `SELECT s.oid::regclass::text, t.oid::regclass::text, quote_ident(a.attname), y.typname::text,
	q.seqincrement,
	t.relkind = 'p',
	EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = t.oid AND x.indisunique AND x.indisvalid
	  AND x.indpred IS NULL AND x.indnkeyatts = 1 AND x.indkey[0] = a.attnum),
	EXISTS (SELECT FROM pg_catalog.pg_subscription b JOIN pg_catalog.pg_database d
	  ON d.oid = b.subdbid AND d.datname = current_database()
	  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r WHERE r.srsubid = b.oid)
	    OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r WHERE r.srsubid = b.oid AND (r.srrelid = t.oid
	      OR r.srrelid IN (` + tree + `)))),
	q.seqstart, s.relpersistence = 'u', t.relpersistence = 'u'
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_class l
	  WHERE l.oid IN (` + tree + `) AND l.relkind = 'r' AND l.relpersistence = 'p')
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend n
	  JOIN pg_catalog.pg_attrdef v ON n.classid = 'pg_catalog.pg_attrdef'::regclass AND v.oid = n.objid
	  JOIN pg_catalog.pg_class l ON l.oid = v.adrelid AND l.relkind = 'r' AND l.relpersistence = 'p'
	  WHERE n.refclassid = 'pg_catalog.pg_class'::regclass AND n.refobjid = s.oid),
	t.relispartition, ` + called + `, d.borrowed AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = t.oid)
	  AND (EXISTS (SELECT FROM (` + owned + `) o WHERE o.sequence = s.oid)
	    OR 1 < (SELECT count(*) FROM (` + borrowed + `) o WHERE o.sequence = s.oid))
	FROM (` + owned + ` UNION ALL ` + borrowed + `) d
	JOIN pg_catalog.pg_class s ON s.oid = d.sequence AND s.relkind = 'S' AND s.relpersistence <> 't'
	-- a temporary table is in the catalogs of a restore, without its files
	JOIN pg_catalog.pg_class t ON t.oid = d.fed AND t.relpersistence <> 't' AND (t.relkind = 'r'
	  OR t.relkind = 'p' AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_class f
		WHERE f.oid IN (` + tree + `) AND f.relkind = 'f')) -- rows of elsewhere are no concern
	JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND NOT q.seqcycle
	JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.attribute
	JOIN pg_catalog.pg_type y ON y.oid IN (` + bases + `)
	WHERE y.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) ORDER BY 1, d.borrowed, 2`

// bases are the type of a column a, and where that is a domain, what it is made of.
const bases = `WITH RECURSIVE base AS (SELECT a.atttypid AS oid UNION ALL
	  SELECT m.typbasetype FROM base b JOIN pg_catalog.pg_type m ON m.oid = b.oid AND m.typtype = 'd')
	  SELECT oid FROM base`

// tree is a table t with its partitions.
const tree = `WITH RECURSIVE tree AS (SELECT t.oid UNION ALL
	  SELECT p.inhrelid FROM tree b JOIN pg_catalog.pg_inherits p ON p.inhparent = b.oid
	  JOIN pg_catalog.pg_class h ON h.oid = p.inhrelid AND h.relispartition) SELECT oid FROM tree`

// defaults is the text of a default v; NULL of how a generated column is made, which asks no sequence and has columns
// of its table in it.
const defaults = `(SELECT CASE WHEN g.attgenerated = '' THEN pg_get_expr(v.adbin, 0) END
	  FROM pg_catalog.pg_attribute g WHERE g.attrelid = v.adrelid AND g.attnum = v.adnum)`

// owned are the columns that own a sequence.
const owned = `SELECT o.objid AS sequence, o.refobjid AS fed, o.refobjsubid::int AS attribute,
	  o.deptype = 'i' AS identity, false AS borrowed
	FROM pg_catalog.pg_depend o WHERE o.classid = 'pg_catalog.pg_class'::regclass
	  AND o.refclassid = 'pg_catalog.pg_class'::regclass AND o.deptype IN ('a', 'i') AND o.refobjsubid > 0`

// borrowed are the columns that own none, and whose default calls one: of hand-written DDL, which names no owner; of
// another table, shared on purpose or by LIKE ... INCLUDING DEFAULTS; or of one that they inherit. Each has rows of its
// own, and so is the key that keeps them apart. A partition is a part of its parent. A table that has no index on the
// column has no key either, and would be read to its end for no more than a note: one that inherits by time has
// hundreds of them.
const borrowed = `SELECT n.refobjid AS sequence, v.adrelid, v.adnum::int, false, true
	FROM pg_catalog.pg_depend n
	JOIN pg_catalog.pg_attrdef v ON n.classid = 'pg_catalog.pg_attrdef'::regclass AND v.oid = n.objid
	CROSS JOIN LATERAL (SELECT 'nextval(' || quote_literal(n.refobjid::regclass::text) || '::regclass)' AS call) k
	JOIN pg_catalog.pg_class l ON l.oid = v.adrelid AND l.relkind IN ('r', 'p') AND NOT l.relispartition
	WHERE n.refclassid = 'pg_catalog.pg_class'::regclass AND n.deptype = 'n'
	  AND ` + defaults + ` IN (k.call, '(' || k.call || ')::integer', '(' || k.call || ')::smallint',
	    '(' || k.call || ')::numeric')
	  AND NOT EXISTS (SELECT FROM (` + owned + `) o
	    WHERE o.sequence = n.refobjid AND o.fed = v.adrelid AND o.attribute = v.adnum)
	  AND EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
	    JOIN pg_catalog.pg_am m ON m.oid = i.relam AND m.amname = 'btree'
	    WHERE x.indrelid = v.adrelid AND x.indisvalid AND x.indpred IS NULL AND x.indkey[0] = v.adnum)`

// called is whether a row to come asks the sequence of a column for its number: it is the column's identity, or a
// default, a domain or a function depends on it, or has its name in its text, where no dependency is known of. A
// default may also ask for it as the one that its column owns, and a column that has neither an identity nor a default
// gets its numbers from programs that ask by themselves. Elsewhere that a column owns it says nothing: a serial column
// that became an identity column has two. Rows come through the parent of a partition, so that what a partition has of
// these counts for nothing.
const called = `(NOT t.relispartition AND (d.identity OR NOT a.atthasdef AND a.attidentity = ''
	  OR EXISTS (SELECT FROM pg_catalog.pg_attrdef v WHERE v.adrelid = t.oid AND v.adnum = a.attnum
	    AND strpos(` + defaults + `, 'pg_get_serial_sequence') > 0))
	OR EXISTS (SELECT FROM pg_catalog.pg_depend n
	  LEFT JOIN pg_catalog.pg_attrdef v ON n.classid = 'pg_catalog.pg_attrdef'::regclass AND v.oid = n.objid
	  LEFT JOIN pg_catalog.pg_class l ON l.oid = v.adrelid
	  WHERE n.refclassid = 'pg_catalog.pg_class'::regclass AND n.refobjid = s.oid AND n.deptype = 'n'
	    AND l.relispartition IS NOT TRUE AND l.relpersistence IS DISTINCT FROM 't')
	OR EXISTS (SELECT FROM pg_catalog.pg_attrdef v JOIN pg_catalog.pg_class l ON l.oid = v.adrelid
	  WHERE NOT l.relispartition AND l.relpersistence <> 't' AND strpos(` + defaults + `, s.relname::text) > 0)
	OR EXISTS (SELECT FROM pg_catalog.pg_proc f WHERE strpos(f.prosrc, s.relname::text) > 0))`

// fedColumn is one of them.
type fedColumn struct {
	Sequence, Table, Column string
	Type                    string // int2, int4, int8 or numeric
	Increment               int64
	Parted                  bool // the column is that of all partitions
	Keyed                   bool
	Subscribed              bool // a logical subscription brings the rows, and never moves a sequence
	Start                   int64
	Unlogged                bool // every restore brings it back as it was made
	Passing                 bool // every table that it feeds is unlogged, and empty after every restore
	Partition               bool // the column is that of one partition
	Called                  bool // a row to come takes its number from there
	Copied                  bool // other tables take numbers from the sequence, too: see LIKE ... INCLUDING DEFAULTS
}

// reach is how many numbers of a sequence are looked ahead for one that is there already. A
// sequence of an earlier moment than its rows has one at once, or after the few that were
// deleted. Beyond lie a sentinel, or numbers of elsewhere, which production lives with.
const reach = 1000

// sequences compares every sequence with the column it feeds: none of the next numbers may be
// there. WAL carries a sequence ahead of its rows, so that one that lags is of another moment
// than its table. One that was never used, and one whose rows a logical subscription brings, is
// behind in production too.
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

func (d Deep) sequencesOf(ctx context.Context, database string, e *examination) (seen int, err error) {
	conn, theirs, err := d.Connect.openWithPath(ctx, database)
	if err != nil {
		return 0, err
	}
	defer func() {
		if conn != nil {
			closeConn(ctx, conn)
		}
	}()
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
	blank := "" // the sequence whose page was told to be none
	for i, f := range list {
		if i == 0 || list[i-1].Sequence != f.Sequence { // it may feed several columns
			seen++
		}
		text, bad, err := f.compared(ctx, conn, theirs)
		if errors.Is(err, pgx.ErrNoRows) {
			if err = nil; blank != f.Sequence {
				e.findings = append(e.findings, f.blank(database)...)
			}
			blank = f.Sequence
		}
		if err != nil {
			answer, fatal := serverError(ctx, conn, err)
			if fatal != nil {
				return 0, fmt.Errorf("sequence %s: %w", f.Sequence, fatal)
			}
			found, note := f.failed(database, answer, whyNot(ctx, conn, answer))
			e.findings, e.notes = append(e.findings, found...), append(e.notes, note...)
		}
		if conn.IsClosed() { // an extension that must be preloaded ends its session
			if conn, theirs, err = d.Connect.openWithPath(ctx, database); err != nil {
				return 0, err
			}
		}
		switch {
		case text == "":
		case bad && f.Keyed:
			e.findings = append(e.findings, finding(reason.StaleData, "database "+database+": "+text))
		default:
			e.notes = append(e.notes, "database "+database+": "+text)
		}
	}
	return seen, nil
}

// compared is what behind says. Planning a query on a table evaluates the expressions of its indexes, which may need
// the data's search_path (theirs); it is set in this session, since a database may let in no more than one.
func (f fedColumn) compared(ctx context.Context, conn *pgx.Conn, theirs string) (text string, bad bool, err error) {
	if err = setPath(ctx, conn, theirs); err != nil {
		return "", false, err
	}
	text, bad, err = f.behind(ctx, conn)
	_, failed := conn.Exec(ctx, ownNames)
	return text, bad, cmp.Or(err, failed)
}

// failed is what the server's answer says of a sequence, or of the table that it feeds: one that cannot be planned,
// such as for an expression of an index that needs another search_path, keeps no other from being compared. What this
// machine lacks, memory or room, is said of none.
func (f fedColumn) failed(database string, answer *pgconn.PgError, why string) (found []Outcome, notes []string) {
	text := fmt.Sprintf("database %s: sequence %s of table %s was not compared: %s", database, f.Sequence, f.Table, why)
	switch {
	case postgres.LacksLibrary(answer):
		return []Outcome{finding(reason.ToolMissing, text+"; "+postgres.LibraryHint(answer))}, nil
	case saysDamage(answer), codeReason(codeOf(answer)) != reason.SmokeQuery:
		return []Outcome{finding(deepCodeReason(answer), text)}, nil
	}
	return nil, []string{text}
}

// blank is what is wrong with a sequence whose page holds none: nextval() fails. PostgreSQL itself loses that of an
// unlogged one that was made, or set so, after the backup: what replay makes of it is not yet on the disk when the end
// of recovery copies it from there (reproduced with 15.18; 17.12 and 18.6 have it begin anew). Its table is empty then,
// unless that is logged, or a partition of it, or another table that the sequence feeds.
func (f fedColumn) blank(database string) []Outcome {
	switch {
	case f.Passing, f.Unlogged && !f.Called:
		return nil
	case f.Unlogged:
		return []Outcome{finding(reason.StaleData, fmt.Sprintf("database %s: sequence %s of table %s is UNLOGGED, and "+
			"PostgreSQL does not bring it back: every row to come fails; ALTER SEQUENCE %[2]s SET LOGGED in production",
			database, f.Sequence, f.Table))}
	}
	return []Outcome{finding(reason.PageChecksum, fmt.Sprintf("database %s: the page of sequence %s of table %s is "+
		"not one of a sequence; %s", database, f.Sequence, f.Table, lookElsewhere))}
}

// behind says how a sequence stands to a column that is ahead of it, and whether it will give
// a number soon that is there; "" of a column that is not ahead.
func (f fedColumn) behind(ctx context.Context, conn *pgx.Conn) (text string, bad bool, err error) {
	farthest := "max"
	if f.Increment < 0 {
		farthest = "min"
	}
	var last int64
	var called bool
	var value *int64
	query := fmt.Sprintf("SELECT s.last_value, s.is_called, (SELECT %s(%s) FROM %s%s)::int8 FROM %s s",
		farthest, f.value(), f.from(), f.whole(), f.Sequence)
	err = conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&last, &called, &value)
	if err != nil || value == nil { // an empty table is not ahead of anything
		return "", false, err
	}
	next := last
	if called {
		next += f.Increment
	}
	// Used up: the next row is refused, it does not collide.
	if f.Increment > 0 && next < last || f.Increment < 0 && next > last || !f.ahead(*value, next) {
		return "", false, nil
	}
	there, err := f.nearest(ctx, conn, next)
	if err != nil {
		return "", false, err
	}
	text = fmt.Sprintf("sequence %s goes on with %d, and column %s of table %s is at %d already: ", f.Sequence, next,
		f.Column, f.Table, *value)
	unused := !called && last == f.Start
	switch {
	case there == nil:
		return text + fmt.Sprintf("none of the next %d numbers is there, so that this one is a sentinel, or "+
			"they come from elsewhere", reach), false, nil
	case f.Subscribed:
		return text + "a logical subscription brings the rows and never moves a sequence; setval() it before " +
			"anything else writes there", false, nil
	case !f.Called && f.Partition:
		return text + fmt.Sprintf("number %d is there; rows that come through the parent do not ask it; "+
			"inserted straight into the partition %s", *there, f.meets()), false, nil
	case !f.Called:
		return text + fmt.Sprintf("number %d is there, and nothing calls it any more: the column has another "+
			"default or an identity; drop it in production, or setval() it there if a program asks it",
			*there), false, nil
	case unused && f.Unlogged:
		return text + fmt.Sprintf("it is UNLOGGED, so that every restore has it begin anew, and number %d is there: "+
			"%s; ALTER SEQUENCE %s SET LOGGED in production, and setval() it here", *there, f.meets(),
			f.Sequence), true, nil
	case f.Copied: // rows that were copied from a table which was numbered anew since are an archive, and right
		return text + fmt.Sprintf("number %d is there; the sequence is another table's, too, and a row that takes "+
			"its number from it would collide; if none does, ALTER TABLE %s ALTER %s DROP DEFAULT in production says "+
			"so", *there, f.Table, f.Column), false, nil
	case unused:
		return text + "it was never used, so that the numbers come from elsewhere", false, nil
	}
	return text + fmt.Sprintf("number %d is there, and %s; setval() it in production if it "+
		"is so there, else the sequence is older than its rows", *there, f.meets()), true, nil
}

// meets is what becomes of a row to come whose number is there.
func (f fedColumn) meets() string {
	if f.Keyed {
		return "a row to come would collide"
	}
	return "a row to come gets it again: no key of that column alone keeps them apart"
}

// value is the column as what it is made of: an operator of the data may fit a domain better than the catalogs' own.
func (f fedColumn) value() string { return f.Column + "::pg_catalog." + f.Type }

// limits is the type that numbers are compared with the column as.
func (f fedColumn) limits() string {
	if f.Type == "numeric" {
		return f.Type
	}
	return "int8"
}

// whole passes over what no sequence gives: fractions, NaN, and what is beyond its numbers.
func (f fedColumn) whole() string {
	if f.Type != "numeric" {
		return ""
	}
	return fmt.Sprintf(" WHERE %[1]s BETWEEN (%[2]d)::numeric AND (%[3]d)::numeric AND %[1]s = trunc(%[1]s)",
		f.value(), math.MinInt64, math.MaxInt64)
}

// from names the table; a child's rows are under another index.
func (f fedColumn) from() string {
	if f.Parted {
		return f.Table
	}
	return "ONLY " + f.Table
}

// ahead says whether a number lies at or beyond the next one of the sequence. Steps of more
// than 1 leave room for numbers of others between its own.
func (f fedColumn) ahead(value, next int64) bool {
	if f.Increment > 0 {
		return value >= next && uint64(value-next) >= uint64(f.Increment-1)
	}
	return value <= next && uint64(next-value) >= uint64(-(f.Increment+1))
}

// nearest is the first of the numbers to come that is there, within reach; nil for none. Every operator has the
// types that the catalogs' own has: nothing of the data fits better.
func (f fedColumn) nearest(ctx context.Context, conn *pgx.Conn, next int64) (there *int64, err error) {
	first, from, to := "min", next, next+reach*f.Increment
	switch {
	case f.Increment > 0 && (f.Increment > math.MaxInt64/reach || to < next):
		to = math.MaxInt64
	case f.Increment < 0:
		first, from, to = "max", to, next
		if f.Increment < math.MinInt64/reach || from > to {
			from = math.MinInt64
		}
	}
	query := fmt.Sprintf("SELECT %[1]s(%[2]s)::int8 FROM %[3]s WHERE %[2]s BETWEEN (%[4]d)::%[8]s AND (%[5]d)::%[8]s "+
		"AND (%[2]s::numeric - (%[6]d)::numeric) %% (%[7]d)::numeric = 0::numeric",
		first, f.value(), f.from(), from, to, next, f.Increment, f.limits())
	return there, conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&there)
}
