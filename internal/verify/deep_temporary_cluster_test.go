package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/verify"
)

// The catalogs of a restore have the temporary tables of sessions that were at work, and pgBackRest leaves their files
// out. Nothing is asked of one, nor said, and its default makes no sequence one that is called.
func TestDeep_TemporaryTablesAreNotAsked(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	session, err := c.connect(t.Context(), "postgres")
	require.NoError(t, err)
	defer session.Close(t.Context()) //nolint:errcheck // the cluster ends with the test
	for _, statement := range []string{
		`CREATE TABLE old (id serial PRIMARY KEY)`, `INSERT INTO old SELECT generate_series(1, 50)`,
		`SELECT setval('old_id_seq', 10)`, `CREATE TEMP TABLE stage (LIKE old INCLUDING ALL)`,
		`INSERT INTO stage SELECT generate_series(1, 99)`, `ALTER TABLE old ALTER id SET DEFAULT 101`,
	} {
		_, err = session.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	deep := verify.Deep{Superuser: c.connect, Connect: c.connect, Workers: 2}
	outcomes, err := deep.Run(t.Context(), []string{"sequences"}, 10*time.Minute)
	require.NoError(t, err)
	for _, o := range outcomes {
		said := o.Sentence + strings.Join(o.Notes, "\n")
		assert.NotContains(t, said, "stage")
		if o.Check == "sequences" {
			assert.Equal(t, verify.Passed, o.Status, said)
			assert.Contains(t, said, "nothing calls it any more")
		}
	}
}
