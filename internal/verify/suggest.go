package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.yaml.in/yaml/v3"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// How many checks are suggested: the largest tables of all, and the largest of each database that has none
// among them.
const (
	mostSuggested  = 5
	mostOfEachKind = 5 // of other databases
)

// Suggestion is a checks file to start from, made of what came back.
type Suggestion struct {
	YAML   string  // "" where there is no table with rows
	Checks []Check // what stands in it
	Notes  []string
	Why    string // there is nothing to suggest
}

// tableSize is a table of the data, with all that inherits from it.
type tableSize struct {
	place
	Size      int64
	Estimated int64 // rows, as pg_class remembers; 0 where nobody looked
	rows      int64 // counted; -1 where there was no time
}

// largestQuery lists the largest permanent tables of a database, which belong to no extension. Partitions, and what
// else inherits from a table, count with it: a query of it reads them. One whose rows are partly elsewhere, in a
// foreign table, cannot be asked; the heartbeat is judged by the RPO. It takes no lock: see relationsQuery.
const largestQuery = `WITH RECURSIVE tree AS (
		SELECT c.oid AS root, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= ` + firstUserOID + `
			AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relname <> 'veza_heartbeat'
			AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
			AND NOT EXISTS (SELECT FROM pg_depend d
				WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
		UNION SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
	), sizes AS (
		SELECT t.root, c.relkind, greatest(c.reltuples, 0)::bigint AS rows,
			CASE WHEN c.relkind NOT IN ('r', 'm') THEN 0
			WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation IN (c.oid, c.reltoastrelid)
				AND l.mode = 'AccessExclusiveLock' AND l.pid IS NULL)
			THEN c.relpages::bigint * current_setting('block_size')::int
			ELSE coalesce(pg_relation_size(c.oid), 0)
				+ coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) END AS size
		FROM tree t JOIN pg_class c ON c.oid = t.oid
	), sums AS (
		SELECT root, sum(size)::bigint AS size, (sum(rows) FILTER (WHERE relkind = 'r'))::bigint AS rows
		FROM sizes GROUP BY root HAVING NOT bool_or(relkind = 'f')
	)
	SELECT n.nspname::text, c.relname::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname),
		s.size, coalesce(s.rows, 0)
	FROM sums s JOIN pg_class c ON c.oid = s.root JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE s.size > 0 ORDER BY s.size DESC, 1, 2 LIMIT 5`

// Suggest makes a checks file of the largest tables of all databases. Their rows are counted within a budget; after
// it, what the statistics say of them will do. superuser lists tables, reader asks them. An error means
// that the server could not be asked, or found damage: then it carries the reason.
func Suggest(ctx context.Context, superuser, reader Connect, budget time.Duration) (s Suggestion, err error) {
	databases, err := Databases(ctx, superuser)
	if err != nil {
		return s, WithCodeReason(err)
	}
	var all []tableSize
	for _, database := range databases {
		here, failed := largestIn(ctx, superuser, database)
		if failed != nil && (SessionEnded(failed) || wait.Over(ctx)) {
			return s, fmt.Errorf("database %s: %w", database, failed)
		}
		if answer, ok := errors.AsType[*pgconn.PgError](failed); ok && saysDamage(answer) {
			return s, WithCodeReason(fmt.Errorf("the tables of database %s cannot be listed: %w", identifier(database),
				failed))
		}
		if failed != nil {
			s.Notes = append(s.Notes, fmt.Sprintf("no checks are suggested for database %s, which does not answer: %s",
				identifier(database), excerpt(failed.Error())))
		}
		all = append(all, here...)
	}
	if len(all) == 0 {
		s.Why = "there is no table with rows in any database: is it the right cluster, and the right backup?"
		return s, nil
	}
	tables, err := s.count(ctx, reader, chosen(all), budget)
	if err != nil {
		return s, err
	}
	if len(tables) == 0 {
		s.Why = "no table that could be asked has any rows: is it the right cluster, and the right backup?"
	}
	s.write(tables)
	return s, nil
}

func largestIn(ctx context.Context, superuser Connect, database string) ([]tableSize, error) {
	conn, err := superuser.open(ctx, database)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	rows, err := conn.Query(ctx, largestQuery, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tableSize, err error) {
		t.Database = database
		return t, row.Scan(&t.Schema, &t.Name, &t.Table, &t.Size, &t.Estimated)
	})
}

// chosen are the largest tables of all, and the largest of each database that has none among them.
func chosen(all []tableSize) []tableSize {
	slices.SortStableFunc(all, func(a, b tableSize) int { return cmp.Compare(b.Size, a.Size) })
	list := slices.Clone(all[:min(mostSuggested, len(all))])
	for _, t := range all[len(list):] {
		named := slices.ContainsFunc(list, func(other tableSize) bool { return other.Database == t.Database })
		if !named && len(list) < mostSuggested+mostOfEachKind {
			list = append(list, t)
		}
	}
	return list
}

// count counts the rows of tables, and leaves out those that cannot be asked or have none.
func (s *Suggestion) count(
	ctx context.Context, reader Connect, tables []tableSize, budget time.Duration,
) (list []tableSize, err error) {
	bound, cancel := context.WithTimeoutCause(ctx, budget, errBudget)
	defer cancel()
	for _, t := range tables {
		check := Check{Name: t.Name, Database: t.Database, Query: t.query(), Expect: Min{whole(1)}}
		o, err := check.run(bound, reader, time.Time{})
		switch {
		case wait.Over(ctx):
			return nil, context.Cause(ctx)
		case wait.Over(bound):
			t.rows = -1
		case err != nil:
			return nil, err
		case o.Status == Passed:
			t.rows = int64(o.Value)
		case o.Reason == reason.TooFewRows:
			continue
		case o.damage != "": // nothing but the table was read
			return nil, reason.Errorf(o.damage, "%s", o.Sentence)
		case o.Reason != reason.SmokeQuery: // damage, or this machine lacks something
			return nil, reason.Errorf(o.Reason, "%s", o.Sentence)
		default:
			s.Notes = append(s.Notes, "not suggested: "+o.Sentence)
			continue
		}
		list = append(list, t)
	}
	return list, nil
}

// query counts the rows of a table, printable whatever its name holds.
func (t tableSize) query() string { return "SELECT count(*) FROM " + t.inSQL() }

// suggestedCheck is a check as it stands in the file.
type suggestedCheck struct {
	Name     string `yaml:"name"`
	Database string `yaml:"database"`
	Query    string `yaml:"query"`
	Min      int64  `yaml:"min"`
}

const suggestionHead = `# Checks to start from, made of the largest tables that came back. Each minimum is
# nine tenths of the rows that were there, rounded down: raise it to what must not be
# missing, remove what does not matter, and add what does; max_age says how old the
# newest row may be. Then give the file as -checks.
`

// write writes the file, and reads it again: what does not come back as it was meant is left out.
func (s *Suggestion) write(tables []tableSize) {
	var file strings.Builder
	seen := map[string]bool{}
	for _, t := range tables {
		item := suggestedCheck{uniqueName(seen, t), t.Database, t.query(), least(t.rows)}
		how := fmt.Sprintf("# %d rows came back", t.rows)
		if t.rows < 0 {
			item.Min = least(t.Estimated)
			how = fmt.Sprintf("# there was no time to count; the statistics say %d rows", t.Estimated)
		}
		text, err := yaml.Marshal([]suggestedCheck{item})
		var read []Check
		if err == nil {
			read, err = parseChecks(text, "")
		}
		if err != nil || len(read) != 1 || read[0].Database != item.Database || read[0].Query != item.Query {
			s.Notes = append(s.Notes, fmt.Sprintf("not suggested: a checks file cannot name table %s in database %s",
				t.inSQL(), identifier(t.Database)))
			continue
		}
		file.WriteString(how + "\n" + string(text))
		s.Checks = append(s.Checks, read[0])
	}
	if len(s.Checks) > 0 {
		s.YAML = suggestionHead + file.String()
	}
}

// least is nine tenths of a count, rounded down to two digits: what a table that lost little still has.
func least(rows int64) int64 {
	n, step := rows-(rows+9)/10, int64(1)
	for n/step >= 100 {
		step *= 10
	}
	return max(n-n%step, 1)
}

// notInName is what the name of a check cannot hold.
var notInName = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// uniqueName makes the name of a check of that of a table.
func uniqueName(seen map[string]bool, t tableSize) string {
	const most = 50
	base := t.Name
	if t.Schema != "public" {
		base = t.Schema + "." + t.Name
	}
	base = strings.Trim(notInName.ReplaceAllString(base, "_"), "_.-")
	if base == "" {
		base = "table"
	}
	base = base[:min(len(base), most)]
	name := base
	for i := 2; seen[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	seen[name] = true
	return name
}

// Assumed marks the smoke check as one that nobody asked for: where no database has a table users, it is left out,
// since nothing says what must be there.
func (c Check) Assumed() Check {
	c.assumed = true
	return c
}
