package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
)

// heapCheckSince is the first version whose amcheck looks at tables.
const heapCheckSince = 140000

// amcheck has PostgreSQL's own checker look at every B-tree index, with its parents and
// all the rows of its table (pg_amcheck --parent-check --heapallindexed), and at every
// table. It is made in the clone's databases first.
func (d Deep) amcheck(ctx context.Context, s survey) (examination, error) {
	schemas := map[string]string{}
	for _, database := range s.databases {
		schema, err := d.createAmcheck(ctx, database)
		missing, refused := errors.AsType[*pgconn.PgError](err)
		if refused && ctx.Err() == nil && !strings.HasPrefix(missing.Code, operatorIntervention) &&
			deepCodeReason(missing.Code) == reason.SmokeQuery {
			return examination{
				leftOut: "amcheck cannot be made in database " + database + ": " + excerpt(missing.Message),
			}, nil
		}
		if err != nil {
			return examination{}, err
		}
		schemas[database] = schema
	}
	objects := s.of(func(r relation) bool {
		return r.kind == "i" && r.method == "btree" && r.valid ||
			r.kind != "i" && r.method == "heap" && s.version >= heapCheckSince
	})
	examine := func(ctx context.Context, conn *pgx.Conn, r relation) ([]Outcome, string, error) {
		return examineByAmcheck(ctx, conn, r, schemas[r.database])
	}
	return d.forEachRelation(ctx, s.workers(d.Workers), "indexes and tables", objects, examine)
}

// createAmcheck makes sure that the extension is there and returns its schema, quoted.
func (d Deep) createAmcheck(ctx context.Context, database string) (schema string, err error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return "", err
	}
	defer closeConn(ctx, conn)
	const schemaQuery = "SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension e " +
		"JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'"
	// The clone's event triggers may refuse what is made here; those that are ENABLE ALWAYS do so
	// even in this session.
	const disableEventTriggers = `DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT evtname FROM pg_catalog.pg_event_trigger LOOP
		EXECUTE format('ALTER EVENT TRIGGER %I DISABLE', name); END LOOP; END $$`
	if _, err = conn.Exec(ctx, disableEventTriggers); err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, schemaQuery).Scan(&schema)
	if errors.Is(err, pgx.ErrNoRows) {
		_, err = conn.Exec(ctx,
			"CREATE SCHEMA IF NOT EXISTS veza_drill; CREATE EXTENSION amcheck SCHEMA veza_drill")
		if err == nil {
			err = conn.QueryRow(ctx, schemaQuery).Scan(&schema)
		}
		return schema, err
	}
	if err == nil { // an old one lacks what is asked
		_, err = conn.Exec(ctx, "ALTER EXTENSION amcheck UPDATE")
	}
	return schema, err
}

// examineByAmcheck looks at one index or table. An error that is no damage (an expression of an
// index that needs a search_path) is a note.
func examineByAmcheck(ctx context.Context, conn *pgx.Conn, r relation,
	schema string,
) (found []Outcome, note string, err error) {
	if r.kind == "i" {
		err = indexDamage(ctx, conn, r, schema)
	} else {
		found, err = heapDamage(ctx, conn, r, schema)
	}
	if err == nil {
		return found, "", nil
	}
	answer, err := serverError(ctx, conn, err)
	if err != nil {
		return nil, "", err
	}
	switch {
	case postgres.MissingLocale(answer) != nil:
		return []Outcome{relationFinding(r, answer, reason.ToolMissing, postgres.MissingLocale(answer).Error())}, "", nil
	case !strings.HasPrefix(answer.Code, internalError):
		return nil, skippedNote(r, answer), nil
	case r.kind == "i" && !strings.HasPrefix(answer.Message, "invalid page in block"):
		return []Outcome{
			relationFinding(r, answer, reason.IndexCorrupt, "REINDEX it; run pg_amcheck on production"),
		}, "", nil
	}
	return []Outcome{relationFinding(r, answer, reason.PageChecksum, "run pg_amcheck on production")}, "", nil
}

// indexDamage looks at an index with its parents, which needs a lock that rows of a prepared
// transaction deny: then without them.
func indexDamage(ctx context.Context, conn *pgx.Conn, r relation, schema string) error {
	_, err := conn.Exec(ctx,
		fmt.Sprintf("SELECT %s.bt_index_parent_check(%d::oid::regclass, true, false)", schema, r.oid))
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == lockNotAvailable {
		_, err = conn.Exec(ctx, fmt.Sprintf("SELECT %s.bt_index_check(%d::oid::regclass, true)", schema, r.oid))
	}
	return err
}

// heapDamage are the rows of a table that are not well formed. Their pages are whole as
// to length, and without checksums nothing else sees them: page_checksum is the reason
// of damaged pages however they were found.
func heapDamage(ctx context.Context, conn *pgx.Conn, r relation, schema string) ([]Outcome, error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(
		"SELECT blkno, coalesce(offnum, 0), msg "+
			"FROM %s.verify_heapam(%d::oid::regclass, check_toast => true) LIMIT 3", schema, r.oid))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Outcome, error) {
		var block int64
		var offset int32
		var text string
		err := row.Scan(&block, &offset, &text)
		return finding(reason.PageChecksum,
			fmt.Sprintf("%s %s in database %s, block %d, row %d: %s; run pg_amcheck on production",
				kinds[r.kind], r.name, r.database, block, offset, excerpt(text))), err
	})
}
