package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// churned has an index of every method, several levels deep, and a life of updates, deletions and
// VACUUM behind it: nothing of that is a loss.
var churned = []string{
	`CREATE TABLE busy (id int PRIMARY KEY, what text, list int[], place point, n int, tag text)`,
	`INSERT INTO busy SELECT i, md5(i::text), ARRAY[i % 50, i], point(i % 300, i), i, 't' || i % 7
		FROM generate_series(1, 30000) i`,
	`CREATE INDEX ON busy USING hash (what)`, `CREATE INDEX ON busy USING gin (list)`,
	`CREATE INDEX ON busy USING gin (list) WITH (fastupdate = off)`,
	`CREATE INDEX ON busy USING gist (place)`, `CREATE INDEX ON busy USING spgist (what)`,
	`CREATE INDEX ON busy USING spgist (place)`, `CREATE INDEX ON busy USING brin (n) WITH (pages_per_range = 2)`,
	`CREATE INDEX ON busy (tag)`, `CREATE INDEX ON busy (what, id) WHERE n % 3 = 0`,
	`CREATE UNIQUE INDEX ON busy (what) INCLUDE (n)`,
	`DELETE FROM busy WHERE id % 5 = 0`, `VACUUM busy`,
	`INSERT INTO busy SELECT i, md5(i::text), ARRAY[i % 50, i], point(i % 300, i), i, 't' || i % 7
		FROM generate_series(100000, 110000) i`,
	`UPDATE busy SET n = n + 1 WHERE id % 4 = 0`, `UPDATE busy SET what = what || 'x' WHERE id % 9 = 0`,
	`DELETE FROM busy WHERE id BETWEEN 5000 AND 9000`, `VACUUM busy`,
	`UPDATE busy SET tag = 'u' WHERE id % 11 = 0`, `DELETE FROM busy WHERE id > 105000`,
	`BEGIN; INSERT INTO busy SELECT i, md5(i::text), '{1}' FROM generate_series(-5000, -1) i; ROLLBACK`,
	`CREATE UNLOGGED TABLE passing (n int PRIMARY KEY)`, `INSERT INTO passing SELECT generate_series(1, 1000)`,
	`BEGIN; INSERT INTO busy SELECT i, md5(i::text), '{1}' FROM generate_series(-9000, -8000) i;
		PREPARE TRANSACTION 'p'`,
	`CREATE TABLE held (n int PRIMARY KEY, a int[])`, `CREATE INDEX ON held USING gin (a)`,
	`INSERT INTO held SELECT i, ARRAY[i] FROM generate_series(1, 500) i`,
	`BEGIN; TRUNCATE held; PREPARE TRANSACTION 'q'`,
}

// What points to nothing is found in every kind of index, and in the visibility map; what life and
// crashes leave is no loss.
func TestLostRows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t, "autovacuum=off", "max_prepared_transactions=5")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c.exec(t, "postgres", churned...)
	deep := verify.Deep{Connect: c.connect, Superuser: c.connect, Workers: 2}
	look := func() verify.Outcome {
		outcomes, err := deep.Run(ctx, []string{"lost_rows"}, time.Minute)
		require.NoError(t, err)
		for _, o := range outcomes {
			if o.Check == "lost_rows" {
				return o
			}
		}
		return verify.Outcome{}
	}
	o := look()
	require.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Empty(t, o.Notes)
	c.exec(t, "postgres", `ROLLBACK PREPARED 'q'`) // each look waits for its lock until lock_timeout
	// Rows that an index never heard of, as when it was not ready at the time.
	c.exec(t, "postgres", `CREATE TABLE quiet (w text, p point, a int[])`,
		`INSERT INTO quiet SELECT nullif(i % 3, 0)::text, point(i, i), ARRAY[i] FROM generate_series(1, 500) i`)
	for _, on := range []string{"hash (w)", "gist (p)", "spgist (p)", "gin (a)"} {
		c.exec(t, "postgres", `CREATE INDEX quiet_x ON quiet USING `+on)
		o = look()
		assert.Equal(t, verify.Passed, o.Status, "%s: %s", on, o.Sentence)
		const ready = `SET allow_system_table_mods = on; UPDATE pg_index SET indisready = %t, indisvalid = %[1]t
			WHERE indexrelid = 'quiet_x'::regclass`
		c.exec(t, "postgres", fmt.Sprintf(ready, false), `INSERT INTO quiet VALUES ('z', '(0,0)', '{0}')`,
			fmt.Sprintf(ready, true))
		o = look()
		assert.Equal(t, reason.IndexCorrupt, o.Reason, on)
		assert.Contains(t, o.Sentence, "index public.quiet_x in database postgres knows ", on)
		c.exec(t, "postgres", `DROP INDEX quiet_x`)
	}
	// ruin changes the file of one relation, looks, and mends it.
	ruin := func(relation string, how func([]byte) []byte) verify.Outcome {
		path := c.relationFile(t, relation)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, how(bytes.Clone(whole)), 0o600))
		seen := look()
		require.NoError(t, os.WriteFile(path, whole, 0o600))
		return seen
	}
	cut := func(file []byte) []byte { return file[:len(file)/8192/2*8192] }
	zero := func(file []byte) []byte { clear(file[len(cut(file)):][:8192]); return file }
	longer := func(file []byte) []byte { return append(file, make([]byte, 5*8192)...) }
	for _, index := range []string{
		"busy_list_idx", "busy_list_idx1", "busy_what_idx", "busy_what_idx1", "busy_place_idx", "busy_place_idx1",
		"busy_n_idx",
	} {
		for how, words := range map[string]string{"cut": "the file ends after", "zero": "which is full of zeroes"} {
			o = ruin(index, map[string]func([]byte) []byte{"cut": cut, "zero": zero}[how])
			assert.Equal(t, reason.IndexCorrupt, o.Reason, "%s, %s", index, how)
			assert.Contains(t, o.Sentence, "index public."+index+" in database postgres: its page ")
			assert.Contains(t, o.Sentence, words)
		}
	}
	assert.Equal(t, verify.Passed, ruin("busy_list_idx", longer).Status)
	assert.Equal(t, verify.Passed, ruin("busy", longer).Status)
	o = ruin("busy", cut)
	assert.Equal(t, reason.PageChecksum, o.Reason)
	assert.Regexp(t, "table public.busy in database postgres: page [0-9]+ is gone: the file ends after [0-9]+ pages, "+
		"and the visibility map says", o.Sentence)
	assert.Contains(t, o.Sentence, "(and 10 more)", "the map, and every index but BRIN")
	o = ruin("busy", zero)
	assert.Equal(t, reason.PageChecksum, o.Reason)
	assert.Regexp(t, `page [0-9]+ is full of zeroes, and index public.busy_pkey points to row \([0-9]+,1\) there`,
		o.Sentence)
	assert.Contains(t, o.Sentence, "(and 9 more)", "every index but BRIN: the map did not know this page")
}

// relationFile is where the rows of a relation of database postgres are.
func (c *cluster) relationFile(t *testing.T, relation string) (file string) {
	t.Helper()
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	const query = "SELECT pg_relation_filepath($1::text::regclass)"
	require.NoError(t, conn.QueryRow(t.Context(), query, relation).Scan(&file))
	return filepath.Join(c.Data, file)
}
