package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Limits are lifted and put back by number: whatever a database is called, its name is none of the statement.
func TestLimits(t *testing.T) {
	limits := []ConnectionLimit{{OID: 5, Database: "a'; DROP", Limit: 0}, {OID: 4294967295, Database: "b", Limit: 7}}
	for _, statement := range []string{lifted(limits), putBack(limits)} {
		assert.Contains(t, statement, "(VALUES (5::pg_catalog.oid, 0), (4294967295::pg_catalog.oid, 7))")
		assert.NotContains(t, statement, "DROP")
	}
	assert.Contains(t, lifted(limits), "CONNECTION LIMIT -1")
	assert.Empty(t, lifted(nil))
	assert.Empty(t, putBack(nil))
}
