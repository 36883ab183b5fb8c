package verify_test

import (
	"fmt"
	"testing"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/versions"
)

// withGIN is a GIN index of every kind: of one column and of two, with words that many rows have and words that one
// has, with NULL and empty arrays, with entries that wait in its list, with old versions of rows.
var withGIN = []string{
	`CREATE EXTENSION pg_trgm`, `CREATE EXTENSION btree_gin`,
	`CREATE TABLE tagged (id int, tags text[] COLLATE "C", words tsvector, about jsonb, name text)`,
	`INSERT INTO tagged SELECT i, CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN '{}'
		ELSE ARRAY[chr(65 + i % 26), chr(97 + i % 26), md5(i::text), NULL] END,
		to_tsvector('simple', 'all ' || md5((i % 90)::text)), jsonb_build_object('n', i, 'k', ARRAY[i % 3, NULL]),
		CASE WHEN i % 5 > 0 THEN md5(i::text) END FROM generate_series(1, 5000) i`,
	`CREATE INDEX tagged_tags ON tagged USING gin (tags)`,
	`CREATE INDEX ON tagged USING gin (words) WITH (fastupdate = off)`,
	`CREATE INDEX ON tagged USING gin (about)`, `CREATE INDEX ON tagged USING gin (about jsonb_path_ops)`,
	`CREATE INDEX ON tagged USING gin (name gin_trgm_ops) WHERE id < 3000`,
	`CREATE INDEX ON tagged USING gin (id, tags)`,
	`CREATE TABLE untouched (tags text[])`, `CREATE INDEX ON untouched USING gin (tags)`,
	`UPDATE tagged SET tags = tags || 'More'::text, words = words || 'more' WHERE id % 3 = 0`,
	`DELETE FROM tagged WHERE id BETWEEN 1000 AND 3000`,
	`INSERT INTO tagged SELECT i, ARRAY[md5(i::text)], 'late', '[1]', 'late' FROM generate_series(1, 300) i`,
}

// ordered makes the GIN index one of another order than the one it was made in, as after a library that sorts
// changed: most of its words are no longer found.
const ordered = `UPDATE pg_index SET indcollation = (SELECT oid::text::oidvector FROM pg_collation
	WHERE collname = '%s' LIMIT 1) WHERE indexrelid = 'tagged_tags'::regclass`

// A GIN index whose words are not in order is found where PostgreSQL can tell, and one in order is green
// everywhere.
func TestDeep_GINOutOfOrder(t *testing.T) {
	found := defect{
		name: "GIN index out of order", check: "amcheck",
		harm: fmt.Sprintf(ordered, "en-x-icu"), mend: fmt.Sprintf(ordered, "C"),
		status: verify.Failed, why: reason.IndexCorrupt, words: "index public.tagged_tags in database postgres",
	}
	findEach(t, versions.AmcheckGIN, withGIN, []defect{found})
}
