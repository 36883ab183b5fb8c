package verify_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// A database without plpgsql is looked at as any other is.
func TestAmcheck_WithoutPlpgsql(t *testing.T) {
	c := startReadCluster(t)
	c.exec(t, "postgres", "CREATE TABLE item (what int)", "CREATE INDEX item_what ON item (what)",
		"CREATE DATABASE bare TEMPLATE postgres")
	c.exec(t, "postgres", "DROP EXTENSION plpgsql CASCADE")
	o := c.run(t, "amcheck")
	assert.Equal(t, verify.Passed, o.Status, o.Sentence)
	assert.Empty(t, o.Notes)
	c.exec(t, "bare", "SET allow_system_table_mods = on",
		"UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'item_what'::regclass",
		"INSERT INTO item VALUES (1)",
		"UPDATE pg_index SET indisvalid = true, indisready = true WHERE indexrelid = 'item_what'::regclass",
		"DROP EXTENSION plpgsql CASCADE")
	assert.Equal(t, reason.IndexCorrupt, c.run(t, "amcheck").Reason)
}
