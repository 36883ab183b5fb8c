package verify

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// place is a relation that may be the one a check looked for in vain. Names are the data's.
type place struct {
	Database, Schema, Name string
	Table                  string // schema and name, quoted by the server where SQL needs it
	Kind                   string // relkind of pg_class
	Near                   int    // 0: of that name, 1: the name in another spelling, 2: the name stands in it
}

// relationKinds are the words for relkind.
var relationKinds = map[string]string{
	"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table",
}

// nearTables finds the relations of one database whose name is, or comes near, a wanted one:
// another case, one s more or less, or the name as a part.
const nearTables = `SELECT n.nspname::text, c.relname::text,
	pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind::text,
	CASE WHEN c.relname = w.name THEN 0 WHEN s.stem = w.stem THEN 1 ELSE 2 END AS near
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
	(SELECT $1::text AS name, pg_catalog.rtrim(pg_catalog.lower($1), 's') AS stem) w,
	LATERAL (SELECT pg_catalog.rtrim(pg_catalog.lower(pg_catalog.btrim(c.relname::text)), 's') AS stem) s
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
	AND pg_catalog.strpos(s.stem, w.stem) > 0
  ORDER BY near, c.relkind = 'f', n.nspname, c.relname LIMIT 6`

// locateTable is the sentence that says where a table is that a check did not find, or what
// comes near it, and how to ask that. closed says that it was found, and reads a foreign table.
// It serves a failure that is reported anyway, so its own errors are only mentioned.
// nowhere says that no database has a relation of that name, in whichever case; ended is a session that broke
// while it was looked for.
func (c Check) locateTable(
	ctx context.Context, connect Connect, table string, closed bool,
) (text string, nowhere bool, ended error) {
	databases, err := Databases(ctx, connect)
	if err != nil {
		return "the databases could not be listed: " + excerpt(err.Error()), false, err
	}
	var found []place
	var unanswered []string
	for _, database := range databases {
		here, err := placesIn(ctx, connect, database, table)
		if SessionEnded(err) {
			ended = err
		}
		if err != nil {
			unanswered = append(unanswered, identifier(database))
		}
		found = append(found, here...)
	}
	text = c.directions(table, found, closed)
	if len(unanswered) > 0 {
		text += "; not answering: " + strings.Join(unanswered, ", ")
	}
	return text, !slices.ContainsFunc(found, func(p place) bool { return strings.EqualFold(p.Name, table) }), ended
}

func placesIn(ctx context.Context, connect Connect, database, table string) ([]place, error) {
	conn, err := connect.open(ctx, database)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	rows, err := conn.Query(ctx, nearTables, table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p place, err error) {
		p.Database = database
		return p, row.Scan(&p.Schema, &p.Name, &p.Table, &p.Kind, &p.Near)
	})
}

// most is how many places a sentence names.
const mostPlaces = 5

// directions says what was found for a table, nearest first, and how to ask the nearest one.
func (c Check) directions(table string, found []place, closed bool) string {
	slices.SortStableFunc(found, func(a, b place) int { return a.Near - b.Near })
	if len(found) > 0 && found[0].Near < 2 { // what only has the name in its own is of no interest then
		found = slices.DeleteFunc(slices.Clone(found), func(p place) bool { return p.Near == 2 })
	}
	var tables, others []string
	for _, p := range found {
		switch where := fmt.Sprintf("%s (schema %s)", identifier(p.Database), identifier(p.Schema)); {
		case len(tables)+len(others) == mostPlaces:
		case c.byDatabase(p) && (p.Kind == "r" || p.Kind == "p"):
			tables = append(tables, where)
		default:
			others = append(others, fmt.Sprintf("database %s has the %s %s (schema %s)", identifier(p.Database),
				relationKinds[p.Kind], identifier(p.Name), identifier(p.Schema)))
		}
	}
	var sentences []string
	switch {
	case len(tables) > 0:
		sentences = append(sentences, fmt.Sprintf("databases that have a table %s: %s; name one with %s",
			identifier(table), strings.Join(tables, ", "), c.databaseOption()))
	case len(found) == 0 || found[0].Near > 0:
		sentences = append(sentences, "no database has a table "+identifier(table))
	}
	sentences = append(sentences, others...)
	if how := c.howToAsk(found, closed); how != "" && len(tables) == 0 {
		sentences = append(sentences, how)
	}
	return strings.Join(sentences, "; ")
}

// byDatabase says whether the check would find a relation if only it ran in its database.
func (c Check) byDatabase(p place) bool {
	return p.Near == 0 && p.Schema == "public" && p.Database != c.Database
}

// databaseOption is where the database of the check is set.
func (c Check) databaseOption() string {
	if c.table == "" {
		return "`database` in the check"
	}
	return "-database"
}

// howToAsk is what would ask the nearest of some relations; "" for those that only have the
// name in their own: which of them is meant is not for us to guess. What was asked already and
// turned out to be foreign is not asked again.
func (c Check) howToAsk(found []place, closed bool) string {
	i := slices.IndexFunc(found, func(p place) bool {
		asked := closed && p.Database == c.Database && p.Near == 0
		return p.Kind != "f" && p.Near < 2 && !asked
	})
	if i < 0 {
		if len(found) > 0 && found[0].Near < 2 {
			return "the rows of a foreign table are elsewhere and in no backup: ask a table that is"
		}
		return ""
	}
	p := found[i]
	if c.byDatabase(p) {
		return fmt.Sprintf("%s %s asks it", c.databaseOption(), identifier(p.Database))
	}
	if c.table == "" {
		return fmt.Sprintf("a query in database %s asks it as %s", identifier(p.Database), p.inSQL())
	}
	return "a file for -checks asks it with: " + c.asked(p)
}

// asked is the check as a line of a YAML file, asking another relation.
func (c Check) asked(p place) string {
	least := "1"
	if m, ok := c.Expect.(Min); ok {
		least = m.Number.String()
	}
	return fmt.Sprintf("- {name: %s, database: %s, query: %s, min: %s}", c.Name, quotedYAML(p.Database),
		quotedYAML("SELECT count(*) FROM "+p.inSQL()), least)
}

// inSQL is the relation as a query names it, printable whatever its name holds.
func (p place) inSQL() string {
	if isPrintable(p.Table) {
		return p.Table
	}
	return escaped(p.Schema) + "." + escaped(p.Name)
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// identifier is a name of the data as SQL would write it: a lower-case word as it is, else in
// quotes, and what is not printable by its number.
func identifier(name string) string {
	switch {
	case plainName.MatchString(name):
		return name
	case isPrintable(name):
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return escaped(name)
}

// escaped is an identifier with Unicode escapes (PostgreSQL manual, 4.1.1). Bytes that are no UTF-8 have none: they are
// shown as \xE9, and no statement can name them so.
func escaped(name string) string {
	var b strings.Builder
	b.WriteString(`U&"`)
	for i, r := range name {
		switch {
		case r == utf8.RuneError && name[i] != "\uFFFD"[0]:
			fmt.Fprintf(&b, `\x%02X`, name[i])
		case r == '"':
			b.WriteString(`""`)
		case r == '\\':
			b.WriteString(`\\`)
		case isPrintable(string(r)):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\+%06X`, r)
		default:
			fmt.Fprintf(&b, `\%04X`, r)
		}
	}
	return b.String() + `"`
}

// isPrintable says whether text can stand in a sentence as it is.
func isPrintable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// quotedYAML is a text as a scalar of YAML in single quotes, which know no escapes but ”.
func quotedYAML(text string) string {
	if !isPrintable(text) {
		text = escaped(text) // a database of such a name cannot be named in a file: it can be shown
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// missingRelation finds the name in the server's message, which is in English here.
var missingRelation = regexp.MustCompile(`^relation "(.+)" does not exist$`)

// wantedTable is the table a failed check looked for; "" when that is not known.
func (c Check) wantedTable(message string) string {
	if c.table != "" {
		return c.table
	}
	found := missingRelation.FindStringSubmatch(message)
	if found == nil {
		return ""
	}
	return found[1][strings.LastIndex(found[1], ".")+1:]
}
