package verify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/verify"
)

// What keeps rows apart by an index that is no B-tree is not asked, and named.
func TestDeep_ExclusionConstraintsAreNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	c.exec(t, "postgres", `CREATE TABLE key (id int PRIMARY KEY, n int UNIQUE, CHECK (n > 0))`)
	conn, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the cluster ends with the test
	var number int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int").Scan(&number))
	notes := func() string {
		outcomes, err := verify.Deep{Superuser: c.connect, Connect: c.connect, Workers: 1}.
			Run(t.Context(), []string{"unique_keys"}, 10*time.Minute)
		require.NoError(t, err)
		var said []string
		for _, o := range outcomes {
			said = append(said, o.Notes...)
		}
		return strings.Join(said, "\n")
	}
	const named = "database postgres: %d exclusion constraints were not asked whether rows violate them, such as " +
		"public.booked booked_"

	assert.NotContains(t, notes(), "exclusion")
	c.exec(t, "postgres", `CREATE TABLE booked (room int, span int4range, EXCLUDE USING gist (span WITH &&))`)
	assert.Contains(t, notes(), fmt.Sprintf(named, 1))
	if number < 180000 {
		return // nothing else excludes before
	}
	c.exec(t, "postgres", `CREATE TABLE stay (a int4range, span daterange, PRIMARY KEY (a, span WITHOUT OVERLAPS),
			UNIQUE (span, a WITHOUT OVERLAPS))`,
		`CREATE TABLE night (a int4range, span daterange,
			FOREIGN KEY (a, PERIOD span) REFERENCES stay (a, PERIOD span))`)
	assert.Contains(t, notes(), fmt.Sprintf(named, 3))
}
