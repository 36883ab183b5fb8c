package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/verify"
)

// A database that takes no connections is named once: nobody looks into it. A template is nobody's data.
func TestDeep_ClosedDatabasesAreNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	c.exec(t, "postgres", `CREATE DATABASE archive`, `CREATE DATABASE open`,
		`CREATE DATABASE mold ALLOW_CONNECTIONS false IS_TEMPLATE true`)
	deep := verify.Deep{Superuser: c.connect, Connect: c.connect, Workers: 1}
	notes := func() string {
		outcomes, err := deep.Run(t.Context(), []string{"files", "sequences"}, 10*time.Minute)
		require.NoError(t, err)
		var said []string
		for _, o := range outcomes {
			assert.NotEqual(t, verify.Failed, o.Status, o.Sentence)
			said = append(said, o.Notes...)
		}
		return strings.Join(said, "\n")
	}
	const named = "database archive takes no connections: no check that has to enter it looks at its tables"
	assert.NotContains(t, notes(), "takes no connections")
	c.exec(t, "postgres", `ALTER DATABASE archive ALLOW_CONNECTIONS false`)
	assert.Equal(t, 1, strings.Count(notes(), named), notes())
	assert.Equal(t, 1, strings.Count(notes(), "takes no connections"), "neither the open one nor a template")
}
