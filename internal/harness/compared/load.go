package compared

import "time"

// tables are what the loads work on.
var tables = []string{
	`CREATE TABLE busy (id int, body text, n float8)`, `CREATE SEQUENCE worn`, `SELECT lo_create(4712)`,
	`CREATE TABLE hot (id int PRIMARY KEY, n int, pad text) WITH (fillfactor = 60)`,
	`INSERT INTO hot SELECT i, 0, repeat('x', 100) FROM generate_series(1, 20000) i`,
	`CREATE TABLE nested (n int)`, `CREATE TABLE moved (n int)`, `CREATE INDEX moved_n ON moved (n)`,
	`CREATE TABLE brief (n int)`, `CREATE TYPE colour AS ENUM ('red', 'green')`, `CREATE ROLE one`,
	`CREATE DOMAIN shade AS colour`, `CREATE TYPE spot AS (x int, y int)`,
	`CREATE TABLE painted (c colour, s shade, p spot)`,
	`INSERT INTO painted SELECT 'red', 'green', ROW(i, i)::spot FROM generate_series(1, 2000) i`,
	`GRANT SELECT ON painted TO one`, `ANALYZE painted`,
	`CREATE TABLE document (id int PRIMARY KEY, body text)`, `ALTER TABLE document ALTER body SET STORAGE EXTERNAL`,
	`INSERT INTO document SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 300) i`,
	`CREATE TABLE parted (n int) PARTITION BY RANGE (n)`,
	`CREATE TABLE parted_0 PARTITION OF parted FOR VALUES FROM (0) TO (1000)`,
	`CREATE MATERIALIZED VIEW summary AS SELECT id % 100 AS k, count(*) FROM hot GROUP BY 1`,
	`CREATE UNIQUE INDEX summary_k ON summary (k)`, `CREATE TABLE a_name (x int)`, `CREATE TABLE b_name (y int)`,
	`INSERT INTO a_name SELECT generate_series(1, 500)`, `INSERT INTO b_name SELECT generate_series(501, 900)`,
	`CREATE TABLE logged (n int)`, `INSERT INTO logged SELECT generate_series(1, 1000)`,
}

// load is what a session does, round by round, with a pause after each.
type load struct {
	name       string
	pause      time.Duration
	statements []string
}

// loads are everything that moves rows, files and catalogs.
var loads = []load{
	{"rows", 20 * time.Millisecond, []string{
		`INSERT INTO busy SELECT i, repeat(md5(random()::text), 100), random() FROM generate_series(1, 20) i`,
		`UPDATE busy SET n = random() WHERE id % 7 = 0`, `DELETE FROM busy WHERE id % 11 = 0 OR random() < 0.05`,
		`SELECT count(nextval('worn')) FROM generate_series(1, 100)`,
		`SELECT lo_put(4712, 0, convert_to(clock_timestamp()::text, 'UTF8'))`,
	}},
	{"hot updates", 2 * time.Millisecond, []string{
		`UPDATE hot SET n = n + 1 WHERE id = (SELECT (random() * 19999)::int + 1)`,
	}},
	{"hot updates too", 200 * time.Millisecond, []string{
		`UPDATE hot SET n = n - 1 WHERE id % 500 = (SELECT (random() * 499)::int)`,
	}},
	{"out of line", 50 * time.Millisecond, []string{
		`UPDATE document SET body = repeat(md5(random()::text), 300) WHERE id % 50 = (SELECT (random() * 49)::int)`,
		`VACUUM document`,
	}},
	{"subtransactions", 100 * time.Millisecond, []string{`DO $$ BEGIN FOR i IN 1..150 LOOP BEGIN
		INSERT INTO nested VALUES (i); IF i % 3 = 0 THEN RAISE division_by_zero; END IF;
		EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`}},
	{"prepared", 200 * time.Millisecond, []string{
		`BEGIN`, `INSERT INTO nested VALUES (-1)`, `DELETE FROM nested WHERE n > 140`, `PREPARE TRANSACTION 'held'`,
		`SELECT pg_sleep(1)`, `COMMIT PREPARED 'held'`,
		`BEGIN`, `ALTER TABLE brief ADD extra int`, `PREPARE TRANSACTION 'undone'`, `SELECT pg_sleep(0.2)`,
		`ROLLBACK PREPARED 'undone'`,
	}},
	{"rewritten", 2 * time.Second, []string{
		`INSERT INTO moved SELECT generate_series(1, 100)`, `DELETE FROM moved WHERE n % 3 = 0`, `VACUUM FULL moved`,
		`CLUSTER moved USING moved_n`, `REINDEX TABLE CONCURRENTLY moved`,
	}},
	{"emptied", 500 * time.Millisecond, []string{
		`TRUNCATE brief`, `INSERT INTO brief SELECT generate_series(1, 5000)`, `DELETE FROM brief WHERE n > 100`,
		`VACUUM brief`,
	}},
	{"frozen", 700 * time.Millisecond, []string{
		`BEGIN`, `CREATE TABLE IF NOT EXISTS iced (n int)`, `TRUNCATE iced`,
		`COPY iced FROM PROGRAM 'seq 1 3000' WITH (FREEZE)`, `COMMIT`, `SELECT pg_sleep(1)`,
		`BEGIN`, `DROP TABLE iced`, `CREATE TABLE iced (n int)`, `COPY iced FROM PROGRAM 'seq 1 2000' WITH (FREEZE)`,
		`COMMIT`,
	}},
	{"ddl", 100 * time.Millisecond, []string{
		`CREATE TABLE short (n int, s serial)`, `INSERT INTO short VALUES (1)`,
		`ALTER TABLE short ADD m text DEFAULT 'x'`,
		`ALTER TABLE short RENAME TO shorter`, `SELECT nextval('short_s_seq')`, `DROP TABLE shorter`,
		`CREATE SEQUENCE passing`, `SELECT nextval('passing')`, `ALTER SEQUENCE passing INCREMENT 7`,
		`SELECT nextval('passing')`, `ALTER SEQUENCE passing RENAME TO passed`, `DROP SEQUENCE passed`,
		`CREATE TEMP TABLE scratch AS SELECT i, i::text AS t FROM generate_series(1, 100) i`, `DROP TABLE scratch`,
	}},
	{"renamed", 300 * time.Millisecond, []string{
		`ALTER TYPE colour RENAME VALUE 'red' TO 'blue'`, `ANALYZE painted`,
		`ALTER TYPE colour RENAME VALUE 'blue' TO 'red'`, `ALTER ROLE one RENAME TO other`,
		`ALTER ROLE other RENAME TO one`, `ALTER TYPE spot ADD ATTRIBUTE z int`, `ALTER TYPE spot DROP ATTRIBUTE z`,
	}},
	{"swapped", 900 * time.Millisecond, []string{
		`BEGIN`, `ALTER TABLE a_name RENAME TO c_name`, `ALTER TABLE b_name RENAME TO a_name`,
		`ALTER TABLE c_name RENAME TO b_name`, `COMMIT`,
	}},
	{"partitions", time.Second, []string{
		`CREATE TABLE part_new (n int)`, `INSERT INTO part_new SELECT generate_series(1000, 1999)`,
		`ALTER TABLE parted ATTACH PARTITION part_new FOR VALUES FROM (1000) TO (2000)`,
		`ALTER TABLE parted DETACH PARTITION part_new`, `DROP TABLE part_new`,
	}},
	{"persistence", 3 * time.Second, []string{
		`ALTER TABLE logged SET UNLOGGED`, `ALTER TABLE logged SET LOGGED`,
		`REFRESH MATERIALIZED VIEW CONCURRENTLY summary`, `REFRESH MATERIALIZED VIEW summary`,
	}},
	{"catalogs", 4 * time.Second, []string{
		`VACUUM pg_attribute`, `VACUUM FULL pg_depend`, `VACUUM FULL pg_class`, `ANALYZE`, `VACUUM`,
	}},
	{"databases", 5 * time.Second, []string{
		`CREATE DATABASE passing`, `SELECT pg_sleep(1)`, `DROP DATABASE passing`,
	}},
	{"checkpoints", 6 * time.Second, []string{`CHECKPOINT`}},
}
