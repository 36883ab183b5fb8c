package verify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
	"veza.fr/recovery/internal/wait"
)

// amcheck has PostgreSQL's own checker look at every B-tree index, with its parents and
// all the rows of its table (pg_amcheck --parent-check --heapallindexed), at every table, and
// where it can at the order of every GIN index. Its functions are made in the clone's databases
// first; a database that refuses them is left out alone.
func (d Deep) amcheck(ctx context.Context, s survey) (examination, error) {
	schema := postgres.OursPrefix + strings.ToLower(rand.Text())
	refused := map[string]string{}
	for _, database := range s.databases {
		err := d.createAmcheck(ctx, database, schema, s.version)
		answer, ok := errors.AsType[*pgconn.PgError](err)
		switch {
		case err == nil:
		case ok && !wait.Over(ctx) && refuses(answer):
			refused[database] = fmt.Sprintf("amcheck cannot be made in database %s, which is left out: %s", database,
				excerpt(answer.Message))
		default:
			return examination{}, fmt.Errorf("database %s: %w", database, err)
		}
	}
	notes := slices.Sorted(maps.Values(refused))
	if len(refused) == len(s.databases) {
		return examination{leftOut: strings.Join(shortened(notes), "; ")}, nil
	}
	objects := s.of(func(r relation) bool {
		_, out := refused[r.database]
		gin := r.method == "gin" && versions.AmcheckGIN.In(s.version)
		return !out && (r.kind == "i" && (r.method == "btree" || gin) && r.valid ||
			r.kind != "i" && r.method == "heap" && versions.AmcheckHeap.In(s.version))
	})
	look := amcheckCall{schema: schema, version: s.version}
	e, err := d.forEachRelation(ctx, s.workers(d.Workers), "indexes and tables", objects, look.examine)
	e.notes = append(notes, e.notes...)
	return e, err
}

// refuses says whether what the server answered keeps a function from being made there, and says
// nothing about the data.
func refuses(answer *pgconn.PgError) bool {
	return postgres.LacksLibrary(answer) ||
		!stoppedFromOutside(answer) && deepCodeReason(answer) == reason.SmokeQuery
}

// amcheckFunctions are amcheck's own, from the library of this machine. They are made one by one,
// not by CREATE EXTENSION: the data may have an extension of that name, of another version or with
// other functions behind it.
const amcheckFunctions = `CREATE FUNCTION %[1]s.bt_index_check(regclass, boolean%[2]s) RETURNS void
	AS '$libdir/amcheck', 'bt_index_check' LANGUAGE c STRICT;
	CREATE FUNCTION %[1]s.bt_index_parent_check(regclass, boolean, boolean%[2]s) RETURNS void
	AS '$libdir/amcheck', 'bt_index_parent_check' LANGUAGE c STRICT;
	CREATE FUNCTION %[1]s.verify_heapam(relation regclass, on_error_stop boolean, check_toast boolean, skip text,
		startblock bigint, endblock bigint, OUT blkno bigint, OUT offnum integer, OUT attnum integer, OUT msg text)
	RETURNS SETOF record AS '$libdir/amcheck', 'verify_heapam' LANGUAGE c`

const ginFunction = `;
	CREATE FUNCTION %s.gin_index_check(regclass) RETURNS void
	AS '$libdir/amcheck', 'gin_index_check' LANGUAGE c STRICT`

// createAmcheck makes the functions in a schema of the run's own, whose name nobody could know.
func (d Deep) createAmcheck(ctx context.Context, database, schema, version string) error {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	unique := ""
	if versions.AmcheckUnique.In(version) {
		unique = ", boolean"
	}
	functions := fmt.Sprintf(amcheckFunctions, schema, unique)
	if versions.AmcheckGIN.In(version) {
		functions += fmt.Sprintf(ginFunction, schema)
	}
	return postgres.WithoutEventTriggers(ctx, conn, "CREATE SCHEMA "+schema, functions)
}

// amcheckCall is how amcheck is called in this run.
type amcheckCall struct {
	schema, version string
}

// examine looks at one index or table. An error that is no damage (an expression of an
// index that needs a search_path) is a note, unless it tells what this machine lacks.
func (a amcheckCall) examine(ctx context.Context, conn *pgx.Conn, r relation) (
	found []Outcome, note string, err error,
) {
	switch {
	case r.method == "gin":
		_, err = conn.Exec(ctx, fmt.Sprintf("SELECT %s.gin_index_check(%d::oid::regclass)", a.schema, r.oid))
	case r.kind == "i":
		note, err = a.indexDamage(ctx, conn, r)
	default:
		found, err = a.heapDamage(ctx, conn, r)
	}
	if err == nil {
		return found, note, nil
	}
	answer, err := serverError(ctx, conn, err)
	if err != nil {
		return nil, "", err
	}
	found, note = a.failed(r, answer)
	return found, note, nil
}

// invalidPage begins what PostgreSQL says of a page that it cannot take, and of several that it read at once (18).
var invalidPage = regexp.MustCompile(`^(?:invalid page in block|\d+ invalid pages among blocks) `)

// failed is what the server's answer says of an index or table.
func (amcheckCall) failed(r relation, answer *pgconn.PgError) (found []Outcome, note string) {
	missing := postgres.MissingLocale(answer)
	switch {
	case missing != nil:
		return []Outcome{relationFinding(r, answer, reason.ToolMissing, missing.Error())}, ""
	case postgres.LacksLibrary(answer): // of an operator class, or of an expression
		return []Outcome{relationFinding(r, answer, reason.ToolMissing, postgres.LibraryHint(answer))}, ""
	case !saysDamage(answer):
		return notLookedAt(r, answer)
	case r.kind == "i" && !invalidPage.MatchString(answer.Message):
		return []Outcome{
			relationFinding(r, answer, reason.IndexCorrupt, "REINDEX it; run pg_amcheck on production"),
		}, ""
	}
	return []Outcome{relationFinding(r, answer, reason.PageChecksum, "run pg_amcheck on production")}, ""
}

// indexDamage looks at an index with its parents, which needs a lock that rows of a prepared
// transaction deny: then without them, which the note says.
func (a amcheckCall) indexDamage(ctx context.Context, conn *pgx.Conn, r relation) (note string, err error) {
	unique := ""
	if versions.AmcheckUnique.In(a.version) {
		unique = ", true"
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("SELECT %s.bt_index_parent_check(%d::oid::regclass, true, false%s)",
		a.schema, r.oid, unique))
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == lockNotAvailable {
		note = fmt.Sprintf("%s was looked at without its parent pages: %s (SQLSTATE %s)", r.title(),
			excerpt(answer.Message), answer.Code)
		_, err = conn.Exec(ctx, fmt.Sprintf("SELECT %s.bt_index_check(%d::oid::regclass, true%s)", a.schema, r.oid,
			unique))
	}
	return note, err
}

// heapDamage are the rows of a table that are not well formed. Their pages are whole as
// to length, and without checksums nothing else sees them: page_checksum is the reason
// of damaged pages however they were found.
func (a amcheckCall) heapDamage(ctx context.Context, conn *pgx.Conn, r relation) ([]Outcome, error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(
		"SELECT blkno, coalesce(offnum, 0), msg "+
			"FROM %s.verify_heapam(%d::oid::regclass, false, true, 'none', NULL, NULL) LIMIT 3", a.schema, r.oid))
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
