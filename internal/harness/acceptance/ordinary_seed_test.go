package acceptance

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"veza.fr/recovery/internal/source"
)

// ordinary is a cluster that goes through states which production lives with, and through those that
// only look like them, each at a restore point and mended after it.
var ordinary = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	prepared := []string{"max_prepared_transactions=5"}
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000, Settings: prepared}, "ordinary")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "ordinary", marks,
		func() error { return c.sql(ctx, "postgres", `CREATE DATABASE app`) },
		func() error { return c.sql(ctx, "app", shop...) },
		func() error { return c.goThrough(ctx, ordinaryStates) },
	)
	return liveSeed{c, s}, err
})

// goThrough brings each state about in turn, and ends it behind its restore point.
func (c *cluster) goThrough(ctx context.Context, states []defect) error {
	free := []string{`SET allow_system_table_mods = on`}
	for _, d := range states {
		point := fmt.Sprintf(`SELECT pg_create_restore_point('%s')`, d.point)
		if err := c.sql(ctx, d.database, slices.Concat(free, d.inject, []string{point})...); err != nil {
			return fmt.Errorf("%s: %w", d.point, err)
		}
		if err := c.sql(ctx, d.database, slices.Concat(free, d.undo)...); err != nil {
			return fmt.Errorf("end %s: %w", d.point, err)
		}
	}
	return nil
}

// partedOrNot is of a partitioned table that is unlogged, where the server has such, and of another elsewhere.
func partedOrNot(parted, other string) string {
	return "DO $$ BEGIN " + parted + "; EXCEPTION WHEN feature_not_supported OR wrong_object_type THEN " + other +
		"; END $$"
}

// lagging is a table whose own sequence has given less numbers than it has rows.
var lagging = []string{
	`CREATE TABLE event (id bigserial PRIMARY KEY)`, `INSERT INTO event SELECT generate_series(1, 50)`,
	`SELECT setval('event_id_seq', 10)`,
}

// shop is what the states are states of.
var shop = []string{
	`CREATE TABLE item (id bigserial PRIMARY KEY, code text, n int)`,
	`INSERT INTO item (code, n) SELECT 'code ' || i, i FROM generate_series(1, 500) i`,
	`CREATE UNIQUE INDEX item_code ON item (code)`, `CREATE INDEX item_n ON item (n)`,
	`CREATE COLLATION german (provider = icu, locale = 'de')`,
	`CREATE TYPE span AS RANGE (subtype = text, collation = german)`,
	`CREATE TYPE pair AS (n int, w text COLLATE german)`,
}

// indexWith is an invalid index of item with flags of pg_index; one that was never built has no page.
func indexWith(create, name, ready, live string, pages int) []string {
	return []string{
		create,
		fmt.Sprintf(`UPDATE pg_index SET indisvalid = false, indisready = %s, indislive = %s
			WHERE indexrelid = '%s'::regclass`, ready, live, name),
		fmt.Sprintf(`UPDATE pg_class SET relpages = %d WHERE oid = '%s'::regclass`, pages, name),
	}
}

// staleGerman has something in a table of its own, while its collation is of another version.
func staleGerman(point string, table ...string) defect {
	return defect{
		point, "app",
		append(table, `UPDATE pg_collation SET collversion = '1.0' WHERE collname = 'german'`),
		[]string{`ALTER COLLATION german REFRESH VERSION`, `DROP TABLE sorted`},
	}
}

// large are two columns that no row may be sent with at once.
const large = `INSERT INTO document SELECT 1, repeat('a', 550000000)`

var ordinaryStates = []defect{
	{ // after a restart it is in conflict with whoever is serializable
		"serializable", "postgres",
		[]string{
			`ALTER ROLE ALL SET default_transaction_isolation = 'serializable'`,
			`BEGIN ISOLATION LEVEL SERIALIZABLE`, `SELECT count(*) FROM users`, `UPDATE users SET id = id WHERE id < 9`,
			`PREPARE TRANSACTION 'left'`,
		},
		[]string{`ROLLBACK PREPARED 'left'`, `ALTER ROLE ALL RESET default_transaction_isolation`},
	},
	{
		"being_built", "app",
		indexWith(`CREATE INDEX built ON item (code, n)`, "built", "false", "true", 0),
		[]string{`DROP INDEX built`},
	},
	{
		"unique_begun", "app",
		indexWith(`CREATE UNIQUE INDEX built ON item (n)`, "built", "false", "true", 0),
		[]string{`DROP INDEX built`},
	},
	{
		"being_dropped", "app",
		indexWith(`CREATE UNIQUE INDEX built ON item (n)`, "built", "false", "false", 2),
		[]string{`DROP INDEX built`},
	},
	{
		"copy", "app",
		indexWith(`CREATE UNIQUE INDEX item_code_ccnew ON item (code)`, "item_code_ccnew", "true", "true", 2),
		[]string{`DROP INDEX item_code_ccnew`},
	},
	{
		"lone_copy", "app",
		indexWith(`CREATE UNIQUE INDEX item_n_ccnew ON item (n)`, "item_n_ccnew", "true", "true", 2),
		[]string{`DROP INDEX item_n_ccnew`},
	},
	{
		"copy_beside_a_part", "app",
		append([]string{`CREATE UNIQUE INDEX part ON item (n) WHERE id < 100`},
			indexWith(`CREATE UNIQUE INDEX item_n_ccold ON item (n)`, "item_n_ccold", "true", "true", 2)...),
		[]string{`DROP INDEX item_n_ccold`, `DROP INDEX part`},
	},
	{
		"key", "app", indexWith(`SELECT`, "item_pkey", "true", "true", 2),
		[]string{`UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'item_pkey'::regclass`},
	},
	staleGerman("stale_range", `CREATE TABLE sorted (x span)`, `CREATE INDEX ON sorted (x)`,
		`INSERT INTO sorted VALUES (span('a', 'z'))`),
	staleGerman("stale_composite", `CREATE TABLE sorted (x pair)`, `CREATE INDEX ON sorted (x)`,
		`INSERT INTO sorted VALUES ((1, 'a'))`),
	staleGerman("stale_predicate", `CREATE TABLE sorted (n int, x text COLLATE german)`,
		`CREATE INDEX ON sorted (n) WHERE x > 'm'`, `INSERT INTO sorted VALUES (1, 'z')`),
	staleGerman("stale_partitions", `CREATE TABLE sorted (x text COLLATE german) PARTITION BY RANGE (x)`),
	staleGerman("not_sorted", `CREATE TABLE sorted (x text COLLATE german)`,
		`CREATE INDEX ON sorted (x text_pattern_ops)`, `CREATE INDEX ON sorted USING hash (x)`,
		`CREATE INDEX ON sorted (length(x)) WHERE x = 'a'`, `INSERT INTO sorted VALUES ('a')`),
	{
		"sentinel", "app",
		[]string{`INSERT INTO item VALUES (9999999999, 'sentinel', 0)`},
		[]string{`DELETE FROM item WHERE code = 'sentinel'`},
	},
	{
		"older_sequence", "app",
		[]string{
			`INSERT INTO item VALUES (9999999999, 'sentinel', 0)`, `SELECT setval('item_id_seq', 480)`,
			`DELETE FROM item WHERE id BETWEEN 481 AND 490`,
		},
		[]string{`DELETE FROM item WHERE code = 'sentinel'`, `SELECT setval('item_id_seq', 500)`},
	},
	{
		"never_used", "app",
		[]string{`CREATE TABLE event (id bigserial PRIMARY KEY)`, `INSERT INTO event SELECT generate_series(1, 50)`},
		[]string{`DROP TABLE event`},
	},
	{
		"became_identity", "app",
		append(slices.Clone(lagging), `ALTER TABLE event ALTER id DROP DEFAULT`,
			`ALTER TABLE event ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 101)`),
		[]string{`DROP TABLE event`},
	},
	{
		"attached_serial", "app",
		append(slices.Clone(lagging),
			`CREATE TABLE whole (id bigserial) PARTITION BY RANGE (id)`, `SELECT setval('whole_id_seq', 100)`,
			`ALTER TABLE whole ATTACH PARTITION event FOR VALUES FROM (MINVALUE) TO (101)`),
		[]string{`DROP TABLE whole`},
	},
	{
		"attached_called", "app",
		append(slices.Clone(lagging),
			`CREATE TABLE whole (id bigint DEFAULT nextval('event_id_seq')) PARTITION BY RANGE (id)`,
			`ALTER TABLE whole ATTACH PARTITION event FOR VALUES FROM (MINVALUE) TO (101)`),
		[]string{`DROP TABLE whole`},
	},
	{ // every restore has it begin anew
		"unlogged_sequence", "app",
		[]string{
			`CREATE UNLOGGED SEQUENCE forgetful`,
			`CREATE TABLE event (id bigint PRIMARY KEY DEFAULT nextval('forgetful'))`,
			`ALTER SEQUENCE forgetful OWNED BY event.id`,
			`INSERT INTO event SELECT nextval('forgetful') FROM generate_series(1, 50)`,
		},
		[]string{`DROP TABLE event`},
	},
	{ // no default calls it: a program asks it by itself
		"asked_by_programs", "app",
		[]string{
			`CREATE UNLOGGED SEQUENCE forgetful`, `CREATE TABLE event (id bigint PRIMARY KEY)`,
			`ALTER SEQUENCE forgetful OWNED BY event.id`,
			`INSERT INTO event SELECT nextval('forgetful') FROM generate_series(1, 50)`,
		},
		[]string{`DROP TABLE event`},
	},
	{ // made after the backup, PostgreSQL itself does not bring its sequence back
		"unlogged_serial", "app",
		[]string{
			`CREATE UNLOGGED TABLE visit (id bigserial PRIMARY KEY)`,
			`INSERT INTO visit SELECT nextval('visit_id_seq') FROM generate_series(1, 50)`,
			partedOrNot(`CREATE UNLOGGED TABLE stay (id bigserial) PARTITION BY HASH (id);
				CREATE UNLOGGED TABLE stay_all PARTITION OF stay FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
				`CREATE UNLOGGED TABLE stay (id bigserial)`),
			`INSERT INTO stay DEFAULT VALUES`,
		},
		[]string{`DROP TABLE visit, stay`},
	},
	{ // the table that the column stands in is unlogged; what has the rows is not, and has a key of its own
		"unlogged_over_logged", "app",
		[]string{
			partedOrNot(`CREATE UNLOGGED TABLE stay (id bigserial PRIMARY KEY) PARTITION BY HASH (id);
				CREATE TABLE stay_all PARTITION OF stay FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
				`CREATE UNLOGGED TABLE stay (id bigserial); CREATE TABLE stay_all (PRIMARY KEY (id)) INHERITS (stay)`),
			`INSERT INTO stay_all DEFAULT VALUES`,
			`CREATE UNLOGGED TABLE visit (id bigserial)`, `CREATE TABLE visit_kept (PRIMARY KEY (id)) INHERITS (visit)`,
			`INSERT INTO visit_kept DEFAULT VALUES`,
		},
		[]string{`DROP TABLE visit, stay CASCADE`},
	},
	{
		"subscribed", "app",
		[]string{
			`SELECT setval('item_id_seq', 20)`,
			`CREATE SUBSCRIPTION far CONNECTION 'host=/nowhere dbname=x' PUBLICATION p WITH (connect = false)`,
		},
		[]string{
			`ALTER SUBSCRIPTION far SET (slot_name = none)`, `DROP SUBSCRIPTION far`,
			`SELECT setval('item_id_seq', 500)`,
		},
	},
	{
		"large_row", "app",
		[]string{`CREATE TABLE document (id int, a text, b text)`, large, `UPDATE document SET b = a`},
		[]string{`DROP TABLE document`},
	},
}
