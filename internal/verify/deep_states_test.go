package verify_test

import (
	"testing"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// usual is what the ordinary states of production below are states of.
var usual = []string{
	`CREATE TABLE item (id int PRIMARY KEY, what text, code text, n int)`,
	`INSERT INTO item SELECT i, 'what ' || i, 'code ' || i, i FROM generate_series(1, 300) i`,
	`CREATE INDEX item_n ON item (n)`, `CREATE UNIQUE INDEX item_code ON item (code)`,
	`CREATE UNIQUE INDEX item_twin ON item (n)`, `CREATE UNIQUE INDEX item_twin_ccnew ON item (n)`,
	`CREATE UNIQUE INDEX item_part ON item (what) WHERE id < 100`, `CREATE UNIQUE INDEX item_what_ccold ON item (what)`,
	`CREATE COLLATION german (provider = icu, locale = 'de')`,
	`CREATE COLLATION odd (provider = icu, locale = 'de-u-ks-level2', deterministic = false)`,
	`CREATE TYPE span AS RANGE (subtype = text, collation = german, multirange_type_name = span_multirange)`,
	`CREATE DOMAIN word AS text COLLATE german`,
	`CREATE DOMAIN counting AS bigint`, `CREATE DOMAIN counted AS counting CHECK (VALUE > 0)`,
	`CREATE DOMAIN spanned AS span`, `CREATE TYPE pair AS (n int, w text COLLATE german)`,
	`CREATE TABLE fed (id bigserial PRIMARY KEY, x text)`, `INSERT INTO fed (x) SELECT 'x' FROM generate_series(1, 10)`,
	`CREATE TABLE wide (id int, a text, b bytea, c aclitem[])`,
	`INSERT INTO wide SELECT 1, repeat('x', 100000), decode(repeat('00', 1000), 'hex'), NULL`,
}

// flags sets pg_index's of one index.
func flags(index, valid, ready string) string {
	return `UPDATE pg_index SET indisvalid = ` + valid + `, indisready = ` + ready + ` WHERE indexrelid = '` + index +
		`'::regclass`
}

// stale gives a table of its own an index or a key on something of a collation that is stale then.
func stale(name, table string, status verify.Status, words string) defect {
	why := reason.None
	if status == verify.Failed {
		why = reason.IndexCorrupt
	}
	return defect{
		name, "collations",
		table + `; UPDATE pg_collation SET collversion = '1' WHERE collname IN ('german', 'odd')`,
		`DROP TABLE c; ALTER COLLATION german REFRESH VERSION; ALTER COLLATION odd REFRESH VERSION`, status, why, words,
	}
}

// replaced is a table whose own sequence has given less numbers than it has rows, and what became of it then.
func replaced(name, became string, status verify.Status, words string) defect {
	why := reason.None
	if status == verify.Failed {
		why = reason.StaleData
	}
	return defect{
		name, "sequences",
		`CREATE TABLE old (id bigserial PRIMARY KEY); INSERT INTO old SELECT generate_series(1, 50);
			SELECT setval('old_id_seq', 10); ` + became,
		`DROP TABLE IF EXISTS whole; DROP TABLE IF EXISTS old, further CASCADE; DROP SEQUENCE IF EXISTS other CASCADE;
			DROP FUNCTION IF EXISTS other; DROP DOMAIN IF EXISTS other`, status, why, words,
	}
}

// heir is a table that inherits a column and its sequence, and has rows that are ahead of it.
func heir(name, key, became string, status verify.Status, words string) defect {
	return replaced(name, `SELECT setval('old_id_seq', 50); CREATE TABLE heir (`+key+`) INHERITS (old);
		INSERT INTO heir SELECT generate_series(51, 60); `+became, status, words)
}

// free is a table whose column calls a sequence that no column owns: it gave 10 numbers, and there are 20 rows.
func free(name, column, became string, status verify.Status, words string) defect {
	return replaced(name, `SELECT setval('old_id_seq', 50); CREATE SEQUENCE other; SELECT setval('other', 10);
		CREATE TABLE further (id `+column+`); INSERT INTO further SELECT generate_series(1, 20); `+became,
		status, words)
}

// partedBy makes it a partition of a table whose column is that.
func partedBy(column string) string {
	return `CREATE SEQUENCE other START 101;
		CREATE TABLE whole (id bigint PRIMARY KEY ` + column + `) PARTITION BY RANGE (id);
		ALTER TABLE whole ATTACH PARTITION old FOR VALUES FROM (MINVALUE) TO (101)`
}

const none = "none of user tables is"

var states = []defect{
	{
		"built, not unique", "invalid_indexes", flags("item_n", "false", "true"), flags("item_n", "true", "true"),
		verify.Passed, reason.None, "CREATE INDEX CONCURRENTLY was building it",
	},
	{
		"built, unique, not begun", "invalid_indexes",
		`CREATE UNIQUE INDEX begun ON item ((n % 1000)); ` + flags("begun", "false", "false") +
			`; UPDATE pg_class SET relpages = 0 WHERE relname = 'begun'`, `DROP INDEX begun`,
		verify.Passed, reason.None, "CREATE INDEX CONCURRENTLY was building it",
	},
	{
		"alone", "invalid_indexes", flags("item_code", "false", "true"), flags("item_code", "true", "true"),
		verify.Failed, reason.IndexCorrupt, "no other index keeps these rows apart",
	},
	{
		"copy beside its original", "invalid_indexes", flags("item_twin_ccnew", "false", "true"),
		flags("item_twin_ccnew", "true", "true"), verify.Passed, reason.None, "a valid one does the same",
	},
	{
		"copy beside one of some of its rows", "invalid_indexes", flags("item_what_ccold", "false", "true"),
		flags("item_what_ccold", "true", "true"), verify.Failed, reason.IndexCorrupt, "item_what_ccold",
	},
	{
		"of a primary key", "invalid_indexes", flags("item_pkey", "false", "true"), flags("item_pkey", "true", "true"),
		verify.Failed, reason.IndexCorrupt, "a constraint or replication counts on it",
	},
	{
		"being dropped", "invalid_indexes",
		`UPDATE pg_index SET indisvalid = false, indisready = false, indislive = false
			WHERE indexrelid = 'item_code'::regclass`,
		`UPDATE pg_index SET indisvalid = true, indisready = true, indislive = true
			WHERE indexrelid = 'item_code'::regclass`, verify.Passed, reason.None, "it was being dropped",
	},
	stale("range", `CREATE TABLE c (x span); CREATE INDEX ON c USING gist (x)`, verify.Failed, "c_x_idx"),
	stale("multirange", `CREATE TABLE c (x span_multirange); CREATE INDEX ON c (x)`, verify.Failed, "c_x_idx"),
	stale("domain of a range", `CREATE TABLE c (x spanned[]); CREATE INDEX ON c (x)`, verify.Failed, "c_x_idx"),
	stale("domain", `CREATE TABLE c (x word); CREATE INDEX ON c (x)`, verify.Failed, "c_x_idx"),
	stale("array", `CREATE TABLE c (x word[]); CREATE INDEX ON c USING gin (x)`, verify.Failed, "c_x_idx"),
	stale("composite", `CREATE TABLE c (x pair); CREATE INDEX ON c (x)`, verify.Failed, "c_x_idx"),
	stale("expression", `CREATE TABLE c (x text COLLATE german); CREATE INDEX ON c (lower(x))`, verify.Failed,
		"c_lower_idx"),
	stale("order in an expression", `CREATE TABLE c (x text COLLATE german); CREATE INDEX ON c ((x < 'm'))`,
		verify.Failed, "c_expr_idx"),
	stale("order in a predicate", `CREATE TABLE c (n int, x text COLLATE german); CREATE INDEX ON c (n) WHERE x > 'm'`,
		verify.Failed, "c_n_idx"),
	stale("partition by range", `CREATE TABLE c (x text COLLATE german) PARTITION BY RANGE (x)`, verify.Failed,
		"such as public.c;"),
	stale("hash, not deterministic", `CREATE TABLE c (x text COLLATE odd); CREATE INDEX ON c USING hash (x)`,
		verify.Failed, "c_x_idx"),
	stale("equality in a predicate",
		`CREATE TABLE c (n int, x text COLLATE german); CREATE INDEX ON c (n) WHERE x = 'm'`, verify.Passed, none),
	stale("hash and pattern", `CREATE TABLE c (x text COLLATE german, y varchar COLLATE german, z span);
		CREATE INDEX ON c USING hash (x); CREATE INDEX ON c (y varchar_pattern_ops); CREATE INDEX ON c USING hash (z);
		CREATE INDEX ON c USING spgist (x); CREATE INDEX ON c USING brin (x text_bloom_ops)`, verify.Passed, none),
	stale("included", `CREATE TABLE c (n int, x text COLLATE german); CREATE INDEX ON c (n) INCLUDE (x)`,
		verify.Passed, none),
	stale("the C collation of a domain", `CREATE TABLE c (x word COLLATE "C"); CREATE INDEX ON c (x)`, verify.Passed,
		none),
	stale("partition by list", `CREATE TABLE c (x text COLLATE german) PARTITION BY LIST (x)`, verify.Passed, none),
	{
		"sentinel", "sequences", `INSERT INTO fed VALUES (9999999, 'last')`, `DELETE FROM fed WHERE x = 'last'`,
		verify.Passed, reason.None, "is at 9999999 already: none of the next 1000 numbers is there",
	},
	{
		"largest of all", "sequences", `INSERT INTO fed VALUES (9223372036854775807, 'last')`,
		`DELETE FROM fed WHERE x = 'last'`, verify.Passed, reason.None, "sentinel",
	},
	free("domain", `counted PRIMARY KEY DEFAULT nextval('other')`, ``, verify.Failed, "number 11 is there"),
	free("domain that it gave all numbers of", `counted PRIMARY KEY DEFAULT nextval('other')`,
		`DELETE FROM further WHERE id > 10; INSERT INTO further VALUES (5000)`, verify.Passed, "sentinel"),
	free("numeric", `numeric PRIMARY KEY DEFAULT nextval('other')`,
		`INSERT INTO further VALUES ('NaN'), (1e30), (20.5)`, verify.Failed,
		"column id of table public.further is at 20 already: number 11 is there"),
	free("numeric, owned, by a cast", `numeric(12, 2) PRIMARY KEY DEFAULT nextval('other')::numeric`,
		`ALTER SEQUENCE other OWNED BY further.id`, verify.Failed, "number 11 is there"),
	free("numeric between its numbers", `numeric PRIMARY KEY DEFAULT nextval('other')`,
		`DELETE FROM further WHERE id > 10; INSERT INTO further VALUES (11.5), ('NaN'), (5000)`,
		verify.Passed, "sentinel"),
	{
		"older than its rows", "sequences", `SELECT setval('fed_id_seq', 4)`, `SELECT setval('fed_id_seq', 10)`,
		verify.Failed, reason.StaleData,
		"goes on with 5, and column id of table public.fed is at 10 already: number 5 is there",
	},
	{
		"older, and the next ones deleted", "sequences",
		`SELECT setval('fed_id_seq', 4); DELETE FROM fed WHERE id BETWEEN 5 AND 8`, `SELECT setval('fed_id_seq', 10)`,
		verify.Failed, reason.StaleData, "number 9 is there",
	},
	{
		"a sentinel hides nothing", "sequences",
		`INSERT INTO fed VALUES (9999999, 'last'); SELECT setval('fed_id_seq', 8)`,
		`DELETE FROM fed WHERE x = 'last'; SELECT setval('fed_id_seq', 10)`,
		verify.Failed, reason.StaleData, "number 9 is there",
	},
	{
		"never used", "sequences",
		`CREATE TABLE given (id serial PRIMARY KEY); INSERT INTO given SELECT generate_series(1, 50)`,
		`DROP TABLE given`, verify.Passed, reason.None, "it was never used",
	},
	{
		"set back by every restore", "sequences",
		`CREATE UNLOGGED SEQUENCE forgetful; CREATE TABLE given (id int PRIMARY KEY DEFAULT nextval('forgetful'));
			ALTER SEQUENCE forgetful OWNED BY given.id; INSERT INTO given SELECT generate_series(1, 50)`,
		`DROP TABLE given`, verify.Failed, reason.StaleData, "it is UNLOGGED, so that every restore has it begin anew",
	},
	replaced("serial that became an identity", `ALTER TABLE old ALTER id DROP DEFAULT;
		ALTER TABLE old ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 101)`, verify.Passed,
		"sequence public.old_id_seq goes on with 11, and column id of table public.old is at 50 already: number 11 is "+
			"there, and nothing calls it any more"),
	replaced("default of another sequence", `CREATE SEQUENCE other START 101;
		ALTER TABLE old ALTER id SET DEFAULT nextval('other')`, verify.Passed, "nothing calls it any more"),
	replaced("default of a function", `CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 101';
		ALTER TABLE old ALTER id SET DEFAULT other()`, verify.Passed, "nothing calls it any more"),
	replaced("default of a function that calls it", `
		CREATE FUNCTION other() RETURNS bigint LANGUAGE sql AS $$SELECT nextval('old_id_seq')$$;
		ALTER TABLE old ALTER id SET DEFAULT other()`, verify.Failed, "number 11 is there"),
	replaced("default that names it", `ALTER TABLE old ALTER id SET DEFAULT nextval('old_id_seq'::text)`,
		verify.Failed, "number 11 is there"),
	replaced("default of another sequence, while another table asks for its own", `CREATE SEQUENCE other START 101;
		ALTER TABLE old ALTER id SET DEFAULT nextval('other');
		CREATE TABLE further (id bigserial, n bigint DEFAULT nextval(pg_get_serial_sequence('further', 'id')))`,
		verify.Passed, "nothing calls it any more"),
	replaced("default that asks for what the column owns",
		`ALTER TABLE old ALTER id SET DEFAULT nextval(pg_get_serial_sequence('old', 'id'))`, verify.Failed,
		"number 11 is there, and a row to come would collide"),
	replaced("no default: a program asks it", `ALTER TABLE old ALTER id DROP DEFAULT`, verify.Failed,
		"number 11 is there, and a row to come would collide"),
	replaced("default of a domain", `CREATE DOMAIN other AS bigint DEFAULT nextval('old_id_seq');
		ALTER TABLE old ALTER id SET DEFAULT 101; CREATE TABLE further (x other)`, verify.Failed, "number 11 is there"),
	replaced("no key", `ALTER TABLE old DROP CONSTRAINT old_pkey`, verify.Passed,
		"number 11 is there, and a row to come gets it again: no key of that column alone keeps them apart; setval()"),
	replaced("still called", ``, verify.Failed, "number 11 is there"),
	replaced("identity", `ALTER TABLE old ALTER id DROP DEFAULT; DROP SEQUENCE old_id_seq;
		ALTER TABLE old ALTER id ADD GENERATED ALWAYS AS IDENTITY; SELECT nextval('old_id_seq')`, verify.Failed,
		"number 2 is there"),
	replaced("attached", partedBy(`DEFAULT nextval('other')`), verify.Passed,
		"number 11 is there; rows that come through the parent do not ask it; inserted straight into the partition a "+
			"row to come would collide"),
	replaced("attached without a default",
		`ALTER TABLE old ALTER id DROP DEFAULT; `+partedBy(`DEFAULT nextval('other')`), verify.Passed,
		"number 11 is there; rows that come through the parent do not ask it"),
	replaced("attached where the parent calls it", partedBy(`DEFAULT nextval('old_id_seq')`), verify.Failed,
		"number 11 is there, and a row to come would collide"),
	heir("of a child that inherits the column", `PRIMARY KEY (id)`, ``, verify.Failed,
		"sequence public.old_id_seq goes on with 51, and column id of table public.heir is at 60 already: number 51 "+
			"is there, and a row to come would collide"),
	heir("of a child without a key", ``, `CREATE INDEX ON heir (id)`, verify.Passed,
		"column id of table public.heir is at 60 already: number 51 is there, and a row to come gets it again"),
	heir("of a child that would be read to its end", ``, `CREATE INDEX ON heir (id) WHERE id > 0;
		CREATE INDEX ON heir USING hash (id); CREATE INDEX ON heir ((1), id);
		CREATE TABLE whole (id serial PRIMARY KEY); INSERT INTO whole SELECT generate_series(1, 5)`, verify.Passed,
		"sequence public.whole_id_seq goes on with 1, and column id of table public.whole is at 5 already"),
	heir("of a child that counts by itself", `PRIMARY KEY (id)`, `CREATE SEQUENCE other START 101;
		ALTER TABLE heir ALTER id SET DEFAULT nextval('other');
		INSERT INTO old VALUES (9999999)`, verify.Passed,
		"column id of table public.old is at 9999999 already: none of the next 1000 numbers is there"),
	free("owned by nobody", `bigint PRIMARY KEY DEFAULT nextval('other')`, ``, verify.Failed,
		"sequence public.other goes on with 11, and column id of table public.further is at 20 already: number 11 is "+
			"there, and a row to come would collide"),
	free("owned by nobody, of int", `int UNIQUE DEFAULT nextval('other')::int`, ``, verify.Failed,
		"number 11 is there"),
	free("owned by nobody, of a partitioned table",
		`int PRIMARY KEY DEFAULT nextval('other')) PARTITION BY RANGE (id);
		CREATE TABLE further_1 PARTITION OF further FOR VALUES FROM (1) TO (101`, ``, verify.Failed,
		"column id of table public.further is at 20 already: number 11 is there"),
	free("owned by another table", `bigint PRIMARY KEY`, `CREATE TABLE whole (LIKE old INCLUDING ALL);
		INSERT INTO whole SELECT generate_series(51, 70)`, verify.Passed,
		"number 51 is there; the sequence is another table's, too"),
	free("owned by nobody, and of a copy, too", `bigint PRIMARY KEY DEFAULT nextval('other')`,
		`SELECT setval('other', 40); CREATE TABLE whole (LIKE further INCLUDING ALL);
		INSERT INTO whole SELECT generate_series(41, 60)`, verify.Passed,
		"column id of table public.whole is at 60 already: number 41 is there; the sequence is another table's, too"),
	free("shared and ahead of all", `bigint PRIMARY KEY DEFAULT nextval('other')`, `SELECT setval('other', 40);
		CREATE TABLE whole (LIKE further INCLUDING ALL); INSERT INTO whole SELECT generate_series(21, 40);
		INSERT INTO further VALUES (9999999)`, verify.Passed,
		"column id of table public.further is at 9999999 already: none of the next 1000 numbers is there"),
	free("owned by nobody, and would be read to its end", `bigint DEFAULT nextval('other')`,
		`CREATE TABLE whole (id serial PRIMARY KEY); INSERT INTO whole SELECT generate_series(1, 5)`, verify.Passed,
		"sequence public.whole_id_seq goes on with 1, and column id of table public.whole is at 5 already"),
	{
		"steps of 10", "sequences",
		`CREATE TABLE steps (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (INCREMENT 10));
			INSERT INTO steps DEFAULT VALUES; INSERT INTO steps VALUES (25)`, `DROP TABLE steps`,
		verify.Passed, reason.None, "is at 25 already",
	},
	{
		"subscribed", "sequences",
		`CREATE SUBSCRIPTION far CONNECTION 'host=/nowhere dbname=x' PUBLICATION p WITH (connect = false);
			SELECT setval('fed_id_seq', 4)`,
		`ALTER SUBSCRIPTION far SET (slot_name = none); DROP SUBSCRIPTION far; SELECT setval('fed_id_seq', 10)`,
		verify.Passed, reason.None, "a logical subscription brings the rows",
	},
}

// What production lives with is a note, and what is lost behind the same looks is found.
func TestDeep_OrdinaryStates(t *testing.T) { findEach(t, 0, usual, states) }
