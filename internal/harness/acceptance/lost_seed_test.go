package acceptance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"veza.fr/recovery/internal/harness/damage"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// lost is a cluster whose backups each miss something that was there: a differential backup for each
// way to lose it, and a restore point before it is mended.
var lost = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "lost")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "lost", marks,
		func() error {
			return c.sql(ctx, "postgres", `ALTER SYSTEM SET autovacuum = off`, `SELECT pg_reload_conf()`,
				`CREATE DATABASE kept`, `CREATE DATABASE refusing`)
		},
		func() error { return c.closedDatabase(ctx) },
		func() error { return c.sql(ctx, "kept", keptTables...) },
		func() error { return c.sql(ctx, "refusing", shadows...) },
		func() error { return c.growAround(ctx) },
		func() error { return c.freezeRows(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full", "--no-expire-auto") },
		func() error { return c.note(ctx, marks, "whole") },
		func() error { return c.loseEach(ctx) },
		func() error { return c.grow(ctx) },
	)
	if err == nil {
		for i, l := range losses {
			s.names[l.name] = s.backups[len(s.backups)-len(losses)+i].Label
		}
	}
	return liveSeed{c, s}, err
})

// keptTables have an index of every kind, and every kind of thing that has a file. Rows of frozen are in
// the visibility map, those of fresh in an index alone.
var keptTables = []string{
	`CREATE TABLE frozen (id int PRIMARY KEY, what text, list int[], place point, n int)`,
	`INSERT INTO frozen SELECT i, repeat(md5(i::text), 3), ARRAY[i, i + 1], point(i, i), i
		FROM generate_series(1, 3000) i`,
	`CREATE INDEX frozen_hash ON frozen USING hash (what)`, `CREATE INDEX frozen_gin ON frozen USING gin (list)`,
	`CREATE INDEX frozen_gist ON frozen USING gist (place)`, `CREATE INDEX frozen_spgist ON frozen USING spgist (what)`,
	`CREATE INDEX frozen_brin ON frozen USING brin (n) WITH (pages_per_range = 1)`,
	`CREATE MATERIALIZED VIEW summary AS SELECT * FROM frozen`, `CREATE SEQUENCE numbers`,
	`CREATE TABLE document (id int, body text)`, `ALTER TABLE document ALTER body SET STORAGE EXTERNAL`,
	`INSERT INTO document SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 50) i`,
	`CREATE TABLE fresh (id int PRIMARY KEY, what text)`, `CREATE INDEX fresh_what ON fresh (what)`,
	`INSERT INTO fresh SELECT i, repeat(md5(i::text), 3) FROM generate_series(1, 3000) i`,
	`UPDATE fresh SET what = 'b' WHERE id % 3 = 0`, `DELETE FROM fresh WHERE id % 7 = 0`,
	`CREATE MATERIALIZED VIEW unmade AS SELECT 1 WITH NO DATA`, `CREATE UNLOGGED TABLE visits (n int PRIMARY KEY)`,
	`INSERT INTO visits SELECT generate_series(1, 1000)`,
	`CREATE TABLE vanishing (id int DEFAULT 1 CHECK (id > 0), what text)`, `INSERT INTO vanishing VALUES (1, 'a')`,
	`CREATE TABLE grown (id int PRIMARY KEY, what text)`,
	`INSERT INTO grown SELECT i, md5(i::text) FROM generate_series(1, 5000) i`,
	// Rows that were updated while they were locked: by a multixact.
	`CREATE TABLE shared (id int PRIMARY KEY, what text) WITH (fillfactor = 40)`,
	`INSERT INTO shared SELECT i, 'before' FROM generate_series(1, 300) i`,
	`BEGIN; SELECT count(*) FROM (SELECT FROM shared FOR KEY SHARE) s; SAVEPOINT later;
		UPDATE shared SET what = 'after'; COMMIT`,
	// Commits in the second half of the first page of pg_xact, of rows that were read, in which the server is done.
	`CREATE TABLE orders (n int)`, inVain(16500),
	`DO $$ BEGIN FOR i IN 1..500 LOOP INSERT INTO orders VALUES (i); COMMIT; END LOOP; END $$`,
	`SELECT count(*) FROM orders`, inVain(33000), `CHECKPOINT`,
}

// inVain uses up numbers of transactions, which leave nothing behind.
func inVain(count int) string {
	return fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
		BEGIN INSERT INTO orders VALUES (i); RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN END;
	END LOOP; END $$`, count)
}

// shadows are what would take the place of the drill's own tools.
var shadows = []string{
	`CREATE SCHEMA veza_drill`,
	`CREATE FUNCTION veza_drill.bt_index_check(index regclass) RETURNS void LANGUAGE sql AS 'SELECT'`,
}

// loss is one way to lose what was there: a change to a file of a relation (nil removes it), or
// statements, and what mends it.
type loss struct {
	name, relation string
	file           string // below the data directory, in the place of a relation's
	database       string // whose PG_VERSION it is, in the place of a relation's file
	how            damage.Way
	inject, undo   []string
}

// index is a statement that says of an index what it is to the server.
func index(name, columns string, value bool) string {
	return fmt.Sprintf(`UPDATE pg_index SET (%s) = ROW (%s) WHERE indexrelid = '%s'::regclass`, columns,
		strings.Repeat(fmt.Sprintf("%t, ", value), strings.Count(columns, ","))+strconv.FormatBool(value), name)
}

const ready = "indisready, indisvalid"

var losses = []loss{
	{name: "nothing", relation: "frozen", how: damage.None},
	{name: "indexgone", relation: "frozen_gin"},
	{name: "viewgone", relation: "summary"},
	{name: "sequencegone", relation: "numbers"},
	{name: "sequencezeroes", relation: "numbers", how: damage.ZeroFirst},
	{name: "toastgone", relation: toast},
	{name: "indexempty", relation: "frozen_brin", how: damage.NoPages},
	{name: "tableempty", relation: "frozen", how: damage.NoPages},
	{name: "tablecut", relation: "frozen", how: damage.FourPages},
	{name: "tablezeroes", relation: "frozen", how: damage.ZeroPages},
	{name: "freshempty", relation: "fresh", how: damage.NoPages},
	{name: "freshzeroes", relation: "fresh", how: damage.ZeroPages},
	{name: "toastzeroes", relation: toast, how: damage.ZeroPages},
	{name: "hashcut", relation: "frozen_hash", how: damage.FourPages},
	{name: "ginzeroes", relation: "frozen_gin", how: damage.ZeroPages},
	{name: "gistcut", relation: "frozen_gist", how: damage.FourPages},
	{
		name: "tableunknown",
		inject: []string{
			`CREATE TABLE aside AS SELECT * FROM pg_class WHERE relname = 'vanishing'`,
			`DELETE FROM pg_class WHERE relname = 'vanishing'`,
		},
		undo: []string{`INSERT INTO pg_class SELECT * FROM aside`, `DROP TABLE aside`},
	},
	{name: "entrancegone", database: "refusing"},
	{name: "closedgone", database: "closed"},
	{name: "commits", file: "pg_xact/0000", how: damage.ZeroHalf},
	{name: "members", file: "pg_multixact/members/0000", how: damage.ZeroFirst},
	{name: "offsets", file: "pg_multixact/offsets/0000", how: damage.ZeroFirst},
	{name: "spgistzeroes", relation: "frozen_spgist", how: damage.ZeroPages},
	{name: "extended", relation: "frozen", how: damage.MorePages},
	{name: "indexextended", relation: "frozen_gin", how: damage.MorePages},
	{
		name: "twokeys",
		inject: []string{
			index("fresh_pkey", "indisunique", false), `INSERT INTO fresh VALUES (1, 'again')`,
			index("fresh_pkey", "indisunique", true),
		},
		undo: []string{`DELETE FROM fresh WHERE what = 'again'`},
	},
	{
		name: "ginunaware",
		inject: []string{
			index("frozen_gin", ready, false), `INSERT INTO frozen VALUES (0, 'unknown', '{0}')`,
			index("frozen_gin", ready, true),
		},
		undo: []string{`DELETE FROM frozen WHERE id = 0`, `VACUUM (FREEZE) frozen`},
	},
	{
		name: "btreeunaware",
		inject: []string{
			index("fresh_what", ready, false), `INSERT INTO fresh VALUES (0, 'unknown')`,
			index("fresh_what", ready, true),
		},
		undo: []string{`DELETE FROM fresh WHERE id = 0`, `REINDEX INDEX fresh_what`},
	},
	{
		name:   "truncated",
		inject: []string{`UPDATE pg_class SET relpages = 5000 WHERE relname = 'fresh'`},
		undo:   []string{`ANALYZE fresh`},
	},
}

const toast = "(SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'document')"

// growAround leaves pages of zeroes in the middle of a table, as a crash does that comes between
// making its file longer and writing the rows: later ones come behind them.
func (c *cluster) growAround(ctx context.Context) error {
	path, err := c.relationFile(ctx, "grown")
	if err != nil {
		return err
	}
	whole, err := os.ReadFile(path)
	if err == nil {
		err = damage.Overwrite(path, damage.MorePages(whole))
	}
	if err != nil {
		return err
	}
	const later = `INSERT INTO grown SELECT i, md5(i::text) FROM generate_series(5001, 9000) i`
	return c.sql(ctx, "kept", later, `CHECKPOINT`)
}

// loseEach backs up every loss. The server has read its pages before and writes none: what is
// damaged is the file alone, as the backup reads it.
func (c *cluster) loseEach(ctx context.Context) error {
	for _, l := range losses {
		if err := c.lose(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (c *cluster) lose(ctx context.Context, l loss) error {
	free := []string{`SET allow_system_table_mods = on`}
	if err := c.sql(ctx, "kept", append(append(free, l.inject...), `CHECKPOINT`)...); err != nil {
		return err
	}
	mend := func() error { return nil }
	if l.relation != "" || l.file != "" || l.database != "" {
		var err error
		if mend, err = c.loseFile(ctx, l); err != nil {
			return err
		}
	}
	err := c.Pgbackrest(ctx, "backup", "--type=diff", "--no-expire-auto", "--no-checksum-page")
	point := fmt.Sprintf(`SELECT pg_create_restore_point('%s')`, l.name)
	return cmp.Or(err, mend(), c.sql(ctx, "kept", append(append(free, point), l.undo...)...))
}

// loseFile changes or removes a file, and returns what mends it.
func (c *cluster) loseFile(ctx context.Context, l loss) (mend func() error, err error) {
	path := filepath.Join(c.data(), l.file)
	switch {
	case l.database != "":
		path, err = c.versionFile(ctx, l.database)
	case l.file == "":
		path, err = c.relationFile(ctx, l.relation)
	}
	if err != nil {
		return nil, err
	}
	return damage.File(path, l.how)
}

// versionFile is what nobody enters a database without.
func (c *cluster) versionFile(ctx context.Context, database string) (string, error) {
	conn, err := c.connect(ctx, "kept")
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	var oid string
	const query = `SELECT oid::text FROM pg_database WHERE datname = $1`
	if err = conn.QueryRow(ctx, query, database).Scan(&oid); err != nil {
		return "", err
	}
	for _, directory := range []string{"base", "pg_tblspc/*/PG_*"} {
		files, _ := filepath.Glob(filepath.Join(c.data(), directory, oid, "PG_VERSION")) // the pattern is right
		if len(files) == 1 {
			return files[0], nil
		}
	}
	return "", fmt.Errorf("database %s has no PG_VERSION", database)
}

// closedDatabase is one that nobody looks into, in a tablespace.
func (c *cluster) closedDatabase(ctx context.Context) error {
	place := filepath.Join(c.Machine.Dir("data"), "apart")
	if err := c.command(ctx, "mkdir", place); err != nil {
		return err
	}
	return c.sql(ctx, "postgres", `CREATE TABLESPACE apart LOCATION '`+place+`'`,
		`CREATE DATABASE closed TABLESPACE apart ALLOW_CONNECTIONS false`)
}

// freezeRows has the visibility map know every page of frozen and document. Whatever transaction of
// another session is still open keeps VACUUM from that, for a moment.
func (c *cluster) freezeRows(ctx context.Context) error {
	return wait.For(ctx, "all rows to be visible to all", 100*time.Millisecond, func(ctx context.Context) error {
		if err := c.sql(ctx, "kept", `VACUUM (FREEZE, ANALYZE) frozen, document`); err != nil {
			return wait.Stop(err)
		}
		return c.sql(ctx, "kept", `SELECT 1 / (sum(relallvisible) = sum(relpages))::int FROM pg_class
			WHERE relname IN ('frozen', 'document')`)
	})
}

// relationFile is the file of a relation of database kept.
func (c *cluster) relationFile(ctx context.Context, relation string) (string, error) {
	conn, err := c.connect(ctx, "kept")
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return damage.Path(ctx, conn, c.data(), relation)
}
