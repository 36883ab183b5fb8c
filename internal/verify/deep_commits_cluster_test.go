package verify_test

import (
	"bytes"
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

// A sector of pg_xact that lost its commits is contradicted by rows that somebody read before; one of transactions
// that left nothing behind, as those that a crash ends do, is not.
func TestLostRows_Commits(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t, "autovacuum=off")
	const inVain = `DO $$ BEGIN FOR i IN 1..%d LOOP
			BEGIN INSERT INTO orders VALUES (i); RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN END;
		END LOOP; END $$`
	c.exec(t, "postgres", `CREATE TABLE orders (n int)`, fmt.Sprintf(inVain, 6000),
		`DO $$ BEGIN FOR i IN 1..6000 LOOP INSERT INTO orders VALUES (i); COMMIT; END LOOP; END $$`,
		fmt.Sprintf(inVain, 33000), // so that the server goes on in another page, and does not write this one again
		`CHECKPOINT`)
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is in flight
	var rows, first int
	require.NoError(t, conn.QueryRow(t.Context(),
		`SELECT count(*), min(xmin::text::int) FROM orders`).Scan(&rows, &first), "they are read")
	require.Equal(t, 6000, rows)

	deep := verify.Deep{Connect: c.connect, Superuser: c.connect, Workers: 2}
	path := filepath.Join(c.Data, "pg_xact", "0000")
	const xidsASector = 2048
	sectorOf := func(xid int) int { return (xid + xidsASector - 1) / xidsASector } // the first that is whole
	for name, lost := range map[string]int{
		"nothing": -1, "without a row": sectorOf(first - 6000), "with rows": sectorOf(first), "one": -1,
	} {
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		damaged := bytes.Clone(whole)
		if lost >= 0 {
			clear(damaged[lost*512 : (lost+1)*512])
		}
		if name == "one" {
			damaged[first/4] &^= 3 << (2 * (first % 4))
		}
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		outcomes, err := deep.Run(t.Context(), []string{"lost_rows"}, time.Minute)
		require.NoError(t, os.WriteFile(path, whole, 0o600))
		require.NoError(t, err)
		for _, o := range outcomes {
			switch {
			case o.Check != "lost_rows":
			case name == "one":
				assert.Equal(t, reason.PageChecksum, o.Reason, o.Sentence)
				assert.Contains(t, o.Sentence, fmt.Sprintf("rows of transaction %d are there, and pg_xact has nothing "+
					"but zeroes for it", first))
			case name == "with rows":
				assert.Equal(t, reason.PageChecksum, o.Reason, o.Sentence)
				assert.Contains(t, o.Sentence, "table public.orders in database postgres: rows of transaction ")
				assert.Contains(t, o.Sentence, "nothing but zeroes for the transactions ")
			default:
				assert.Equal(t, verify.Passed, o.Status, "%s: %s", name, o.Sentence)
			}
		}
	}
}
