package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/versions"
)

// healthy is what the deeper checks look at, with something harmless of every kind.
var healthy = []string{
	`CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text)`,
	`INSERT INTO item (what) SELECT md5(i::text) FROM generate_series(1, 500) i`,
	`CREATE INDEX item_what ON item (what)`,
	`CREATE TABLE down (n serial PRIMARY KEY)`,
	`ALTER SEQUENCE down_n_seq INCREMENT -1 MINVALUE -100 MAXVALUE 100 START 50 RESTART`,
	`INSERT INTO down SELECT FROM generate_series(1, 5)`,
	`CREATE TABLE loose (n serial, what text)`, `INSERT INTO loose VALUES (500, 'no key')`,
	`CREATE TABLE empty (n serial PRIMARY KEY)`,
	`CREATE TABLE rights (a aclitem)`, `INSERT INTO rights VALUES ('boss=r/boss')`,
	`CREATE MATERIALIZED VIEW unmade AS SELECT 1 WITH NO DATA`, `CREATE TABLE dropped (a int, b int)`,
	`ALTER TABLE dropped DROP COLUMN a`,
	`CREATE COLLATION german (provider = icu, locale = 'de')`, `CREATE TABLE words (w text COLLATE german)`,
	`CREATE INDEX words_w ON words (w)`,
	// Equal is what has the same bytes.
	`CREATE TABLE by_hash (w text COLLATE german) PARTITION BY HASH (w)`,
	`CREATE TABLE by_list (w text COLLATE german) PARTITION BY LIST (w)`,
	`CREATE INDEX words_part ON words (length(w)) WHERE w = 'a' AND w <> 'b' AND w IS DISTINCT FROM 'c'`,
	`CREATE EXTENSION citext`, `CREATE TABLE address (a citext)`, `CREATE EXTENSION pg_trgm`,
	`CREATE EXTENSION hstore`, `CREATE TABLE tagged (tags hstore)`, `INSERT INTO tagged VALUES ('a=>1'), ('b=>2')`,
	`CREATE INDEX tagged_tags ON tagged (tags)`,
	`CREATE INDEX item_expr ON item (lower(what))`,
	// Keys that stand twice in an index, and are of one row or of none.
	`CREATE TABLE coded (code int, note text, at timestamptz)`, `CREATE UNIQUE INDEX coded_code ON coded (code)`,
	`CREATE INDEX coded_note ON coded (note)`, `INSERT INTO coded SELECT i, 'a' FROM generate_series(1, 300) i`,
	`UPDATE coded SET note = 'b'`, `UPDATE coded SET note = 'c' WHERE code < 50`,
	`INSERT INTO coded VALUES (NULL, 'x'), (NULL, 'x')`, `DELETE FROM coded WHERE code = 7`,
	`INSERT INTO coded VALUES (7, 'again')`, `CREATE TABLE priced (price numeric)`,
	`CREATE UNIQUE INDEX priced_price ON priced (price)`, `INSERT INTO priced VALUES (2.0), (NULL), (NULL)`,
	`ALTER TABLE priced ENABLE ROW LEVEL SECURITY`, `CREATE POLICY nobody ON priced USING (false)`,
	`CREATE UNIQUE INDEX coded_part ON coded (note) WHERE code = 9`,
	// It fits better than the catalog's own, and calls everything by one name.
	`CREATE FUNCTION format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'public.item'::text $$`,
}

// defect is one thing that is wrong at a time.
type defect struct {
	name, check string
	harm, mend  string
	status      verify.Status
	why         reason.Reason
	words       string
}

// Two rows of one key, as when the index was not unique at the time, and what looks like it.
const (
	notUnique = `UPDATE pg_index SET indisunique = %t WHERE indexrelid = '%s'::regclass; `
	twoOfAKey = `INSERT INTO %s SELECT * FROM %[1]s LIMIT 1; `
)

func twice(table, index string) string {
	return fmt.Sprintf(notUnique, false, index) + fmt.Sprintf(twoOfAKey, table) + fmt.Sprintf(notUnique, true, index)
}

// lacking is a table with a column that is made of something of pg_trgm, which is not installed then. Who needs it is
// named; "" is nobody.
func lacking(what, made, column, parted, mend, who string) defect {
	d := defect{
		"extension of " + what, "extensions",
		made + `; CREATE TABLE needing (x ` + column + `); UPDATE pg_extension SET extname = 'gone' ` +
			`WHERE extname = 'pg_trgm'`,
		`UPDATE pg_extension SET extname = 'pg_trgm' WHERE extname = 'gone'; ` + parted +
			`; DROP TABLE needing; ` + mend,
		verify.Failed, reason.ToolMissing, "and " + who + " cannot be read without it",
	}
	if who == "" {
		d.status, d.why, d.words = verify.Passed, reason.None, "no column's type and no index needs it"
	}
	return d
}

var defects = []defect{
	{
		"two rows of one key", "unique_keys", twice("coded", "coded_code"),
		`DELETE FROM coded a USING coded b WHERE a.code = b.code AND a.ctid > b.ctid`, verify.Failed,
		reason.IndexCorrupt,
		"index public.coded_code in database postgres is unique, and table public.coded has two rows of one key (code)",
	},
	{
		"two rows of one number, written differently", "unique_keys",
		fmt.Sprintf(notUnique, false, "priced_price") + `INSERT INTO priced VALUES (1.0), (1.000); ` +
			fmt.Sprintf(notUnique, true, "priced_price"),
		`DELETE FROM priced WHERE price = 1`, verify.Failed, reason.IndexCorrupt, "(price)",
	},
	{
		"index lacks rows", "amcheck",
		`UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'item_what'::regclass; ` +
			`INSERT INTO item (what) VALUES ('lost'); UPDATE pg_index SET indisvalid = true, indisready = true ` +
			`WHERE indexrelid = 'item_what'::regclass`,
		`REINDEX INDEX item_what`, verify.Failed, reason.IndexCorrupt, "index public.item_what in database postgres",
	},
	{
		"index invalid", "invalid_indexes",
		`UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'item_what'::regclass`,
		`UPDATE pg_index SET indisvalid = true, indisready = true WHERE indexrelid = 'item_what'::regclass`,
		verify.Failed, reason.IndexCorrupt, "index public.item_what of table public.item is invalid",
	},
	{
		"leftover", "invalid_indexes",
		`ALTER INDEX item_what RENAME TO item_what_ccnew; ` +
			`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'item_what_ccnew'::regclass`,
		`UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'item_what_ccnew'::regclass; ` +
			`ALTER INDEX item_what_ccnew RENAME TO item_what`, verify.Passed, reason.None, "item_what_ccnew",
	},
	{
		"sequence lags", "sequences", `INSERT INTO item OVERRIDING SYSTEM VALUE VALUES (502, 'next')`,
		`DELETE FROM item WHERE id = 502`,
		verify.Failed, reason.StaleData,
		"sequence public.item_id_seq goes on with 502, and column id of table public.item is at 502",
	},
	{
		"sequence just before", "sequences", `INSERT INTO item OVERRIDING SYSTEM VALUE VALUES (-7, 'far back')`,
		`DELETE FROM item WHERE id = -7`, verify.Passed, reason.None, "loose_n_seq",
	},
	{
		"descending lags", "sequences", `INSERT INTO down VALUES (45)`, `DELETE FROM down WHERE n = 45`,
		verify.Failed, reason.StaleData, "down_n_seq goes on with 45",
	},
	{
		"collation", "collations", `UPDATE pg_collation SET collversion = '1' WHERE collname = 'german'`,
		`ALTER COLLATION german REFRESH VERSION`,
		verify.Failed, reason.IndexCorrupt, "collation public.german was made with version 1",
	},
	{
		"collation of no index", "collations",
		`DROP INDEX words_w; UPDATE pg_collation SET collversion = '1' WHERE collname = 'german'`,
		`ALTER COLLATION german REFRESH VERSION; CREATE INDEX words_w ON words (w)`, verify.Passed, reason.None,
		"none of user tables is",
	},
	alike("partitions by hash", `CREATE TABLE alike (w text COLLATE alike) PARTITION BY HASH (w)`),
	alike("partitions by list", `CREATE TABLE alike (w text COLLATE alike) PARTITION BY LIST (w)`),
	alike("hash index", `CREATE TABLE w (w text COLLATE alike); CREATE INDEX alike ON w USING hash (w)`),
	alike("predicate", `CREATE TABLE w (i int, w text COLLATE alike); CREATE INDEX alike ON w (i) WHERE w = 'a'`),
	alike("predicate of what is not", `CREATE TABLE w (i int, w text COLLATE alike);
		CREATE INDEX alike ON w (i) WHERE w IS DISTINCT FROM 'a'`),
	{
		"extension of a column", "extensions", `UPDATE pg_extension SET extname = 'gone' WHERE extname = 'citext'`,
		`UPDATE pg_extension SET extname = 'citext' WHERE extname = 'gone'`,
		verify.Failed, reason.ToolMissing, "extension gone",
	},
	{
		"extension of nothing", "extensions", `UPDATE pg_extension SET extname = 'gone' WHERE extname = 'pg_trgm'`,
		`UPDATE pg_extension SET extname = 'pg_trgm' WHERE extname = 'gone'`,
		verify.Passed, reason.None, "no column's type and no index needs it",
	},
	lacking("an enum that it has", `CREATE TYPE colour AS ENUM ('red'); ALTER EXTENSION pg_trgm ADD TYPE colour`,
		`colour[]`, `ALTER EXTENSION pg_trgm DROP TYPE colour`, `DROP TYPE colour CASCADE`, ""),
	lacking("a domain's own function", `CREATE DOMAIN near AS text CHECK (similarity(VALUE, 'x') < 2)`, `near`, ``,
		`DROP DOMAIN near CASCADE`, ""),
	lacking("a default", ``, `real DEFAULT similarity('a', 'b')`, ``, ``, ""),
	lacking("a domain of a domain", `CREATE DOMAIN one AS gtrgm; CREATE DOMAIN other AS one`, `other`, ``,
		`DROP DOMAIN one CASCADE`, "public.needing"),
	lacking("a composite", `CREATE TYPE pairing AS (n int, g gtrgm)`, `pairing[]`, ``, `DROP TYPE pairing CASCADE`,
		"public.needing"),
	lacking("an index's function", ``, `text); CREATE INDEX needing_f ON needing (similarity(x, 'x')`, ``, ``,
		"public.needing_f"),
	lacking("an index's operator", ``, `text); CREATE INDEX needing_o ON needing (x) WHERE (x <-> 'x' < 1`, ``, ``,
		"public.needing_o"),
	library("gone", "full_read", "probin = '/nowhere/hstore'", "could not access file"),
	library("that cannot be loaded", "full_read", "probin = '/etc/passwd'", "could not load library"),
	library("of an index", "amcheck", "probin = '/etc/passwd'", "index public.tagged_tags in database postgres"),
	library("that is older", "full_read", "prosrc = prosrc || '_of_later'", "could not find function"),
}

// alike has something depend on which texts a collation takes for equal, of which another version is here.
func alike(name, made string) defect {
	return defect{
		"collation that is not of bytes: " + name, "collations",
		`CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ` + made +
			`; UPDATE pg_collation SET collversion = '1' WHERE collname = 'alike'`,
		`DROP COLLATION alike CASCADE; DROP TABLE IF EXISTS alike, w`, verify.Failed, reason.IndexCorrupt,
		"such as public.alike; REINDEX it",
	}
}

// library has the functions of an extension look for their code where it is not.
func library(name, check, set, words string) defect {
	return defect{
		"library " + name, check,
		`CREATE TABLE kept AS SELECT oid, probin, prosrc FROM pg_proc WHERE probin = '$libdir/hstore'; ` +
			`UPDATE pg_proc SET ` + set + ` WHERE probin = '$libdir/hstore'`,
		`UPDATE pg_proc p SET probin = k.probin, prosrc = k.prosrc FROM kept k WHERE k.oid = p.oid; DROP TABLE kept`,
		verify.Failed, reason.ToolMissing, words,
	}
}

// Each deeper check turns red of its own defect, names it, and is green again without it.
func TestDeep_FindsEachDefect(t *testing.T) { findEach(t, 0, healthy, defects) }

// findEach makes something healthy, then one thing wrong, or only odd, at a time. Where needs is not
// in the version here (0 is in every one), nothing tells of a defect.
func findEach(t *testing.T, needs versions.Difference, healthy []string, defects []defect) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	exec := func(sql string) {
		conn, err := c.connect(ctx, "postgres")
		require.NoError(t, err)
		defer conn.Close(ctx) //nolint:errcheck // the cluster ends with the test
		_, err = conn.Exec(ctx, "SET allow_system_table_mods = on;"+sql)
		require.NoError(t, err, sql)
	}
	for _, statement := range healthy {
		exec(statement)
	}
	deep := verify.Deep{
		Superuser: c.connect,
		Connect:   c.connect,
		Workers:   2,
		Pages:     func(context.Context) (verify.Pages, error) { return verify.Pages{Blocks: 9}, nil },
	}
	run := func(checks ...string) map[string]verify.Outcome {
		outcomes, err := deep.Run(ctx, checks, 10*time.Minute)
		require.NoError(t, err)
		byName := map[string]verify.Outcome{}
		for _, o := range outcomes {
			byName[o.Check] = o
		}
		require.Len(t, byName, len(settings.DeepChecks))
		return byName
	}
	var version string
	conn, err := c.connect(ctx, "postgres")
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(ctx, "SHOW server_version").Scan(&version))
	require.NoError(t, conn.Close(ctx))
	for name, o := range run(settings.DeepChecks...) {
		assert.Equal(t, verify.Passed, o.Status, "%s: %s", name, o.Sentence)
		assert.Positive(t, o.Took, name)
	}
	for _, i := range defects {
		exec(i.harm)
		o := run(i.check)[i.check]
		if number, _, _ := strings.Cut(version, " "); needs != 0 && !needs.In(number) {
			assert.Equal(t, verify.Passed, o.Status, "%s: %s", i.name, o.Sentence)
			exec(i.mend)
			continue
		}
		assert.Equal(t, i.status, o.Status, "%s: %s", i.name, o.Sentence)
		text := o.Sentence
		if i.status == verify.Passed {
			require.NotEmpty(t, o.Notes, i.name)
			text = o.Notes[0]
		} else {
			assert.Equal(t, i.why, o.Reason, i.name)
		}
		assert.Contains(t, text, i.words, i.name)
		if i.mend != "" {
			exec(i.mend)
			assert.Equal(t, verify.Passed, run(i.check)[i.check].Status, "%s, mended", i.name)
		}
	}
}

// What a budget cuts, or -deep leaves out, is neither a pass nor a failure; a finding
// counts whatever came after it.
func TestDeep_BudgetAndChoice(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	pages := verify.Pages{Bad: []string{"base/5/1259, block 0: calculated checksum A but block contains B", "global/1"}}
	deep := verify.Deep{
		Superuser: c.connect,
		Connect:   c.connect,
		Workers:   1,
		Pages:     func(context.Context) (verify.Pages, error) { return pages, nil },
	}
	run := func(budget time.Duration, checks ...string) (list []verify.Outcome) {
		list, err := deep.Run(t.Context(), checks, budget)
		require.NoError(t, err)
		return list
	}
	for _, o := range run(time.Nanosecond, "amcheck", "sequences") {
		want := verify.NotAsked
		if o.Check == "amcheck" || o.Check == "sequences" {
			want = verify.LeftOut
			assert.Contains(t, o.Sentence, "raise -check-budget")
		}
		assert.Equal(t, want, o.Status, o.Check)
	}
	failed := verify.Failure(run(time.Minute, "page_checksums"))
	require.NotNil(t, failed)
	assert.Equal(t, reason.PageChecksum, failed.Reason)
	assert.Contains(t, failed.Sentence, "table pg_catalog.pg_class in database postgres: base/5/1259, block 0")
	assert.Contains(t, failed.Sentence, "(and 1 more)")

	pages = verify.Pages{Blocks: 9, Strays: []string{"base/5/1259.bak"}}
	last := run(time.Minute, "page_checksums")[len(settings.DeepChecks)-1]
	assert.Equal(t, verify.Passed, last.Status)
	assert.Contains(t, last.Notes[len(last.Notes)-1], "no relation were not looked at (1): base/5/1259.bak")
	pages.Ended = "base/5/1259.bak" // in a data directory that is to stay as it is
	last = run(time.Minute, "page_checksums")[len(settings.DeepChecks)-1]
	assert.Equal(t, verify.LeftOut, last.Status)
	assert.Contains(t, last.Sentence, "pg_checksums ends at base/5/1259.bak")

	pages = verify.Pages{Off: true}
	last = run(time.Minute, "page_checksums")[len(settings.DeepChecks)-1]
	assert.Equal(t, verify.LeftOut, last.Status)
	assert.Contains(t, last.Sentence, "no data checksums")
	assert.Nil(t, verify.Failure([]verify.Outcome{last}))

	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("somebody stopped it"))
	_, err := deep.Run(ended, []string{"sequences"}, time.Minute)
	require.ErrorContains(t, err, "somebody stopped it")

	c.Kill()
	_, err = deep.Run(t.Context(), []string{"full_read"}, time.Minute)
	require.Error(t, err, "a server that is gone says nothing about the data")
	_, known := reason.Of(err)
	assert.False(t, known)
	assert.Len(t, run(time.Minute), len(settings.DeepChecks), "of whom nothing is asked need not be there")
}
