package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/verify"
)

// A value that is too large even alone is read without being sent, whatever its type.
func TestParts_AreReadWithoutBeingSent(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	conn, err := c.connect(ctx, "postgres")
	require.NoError(t, err)
	defer conn.Close(ctx) //nolint:errcheck // the cluster ends with the test
	_, err = conn.Exec(ctx, `CREATE TABLE wide (id int, gone text, a text, "B" bytea, c aclitem[], d jsonb, e varchar,
			f xml, n int, g text GENERATED ALWAYS AS (a || 'x') STORED, h int[], i numeric);
		ALTER TABLE wide DROP COLUMN gone;
		INSERT INTO wide VALUES (1, repeat('x', 9999), '\x00', '{boss=r/boss}', '{"a": 1}', 'e', '<f/>', 2, DEFAULT,
			'{1}', 1)`)
	require.NoError(t, err)
	var oid uint32
	require.NoError(t, conn.QueryRow(ctx, `SELECT 'wide'::regclass::oid`).Scan(&oid))
	rows, err := conn.Query(ctx, verify.PartsQuery, oid)
	require.NoError(t, err)
	reads := map[string]string{}
	var hashed []string
	for rows.Next() {
		var columns, read string
		var all bool
		require.NoError(t, rows.Scan(&columns, &read, &all))
		if reads[columns] = read; all {
			hashed = append(hashed, columns)
		}
	}
	require.NoError(t, rows.Err())
	assert.Len(t, reads, 10, "%v", reads)
	assert.Contains(t, reads, "id, n", "what is in the row itself is read together")
	assert.ElementsMatch(t, []string{"a", `"B"`, "e", "g"}, hashed)
	for columns, read := range reads {
		if read != "" {
			_, err = conn.Exec(ctx, "SELECT count(*) FILTER (WHERE "+read+") FROM ONLY wide")
			require.NoError(t, err, "%s: %s", columns, read)
		}
	}
}
