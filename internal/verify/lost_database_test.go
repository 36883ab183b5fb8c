package verify

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
)

// A database whose directory is damaged is told from one that is not there, and from what a function may raise.
func TestLostDatabase(t *testing.T) {
	for name, c := range map[string]struct {
		answer pgconn.PgError
		lost   bool
	}{
		"no PG_VERSION": {pgconn.PgError{
			Code: "22023", File: "miscinit.c", Message: `"base/16384" is not a valid data directory`,
			Detail: `File "base/16384/PG_VERSION" is missing.`,
		}, true},
		"of another version": {pgconn.PgError{
			Code: "22023", File: "miscinit.c", Message: "database files are incompatible with server",
		}, true},
		"no directory": {pgconn.PgError{
			Code: "3D000", File: "postinit.c", Message: `database "app" does not exist`,
			Detail: `The database subdirectory "base/16384" is missing.`,
		}, true},
		"no such database": {
			pgconn.PgError{Code: "3D000", File: "postinit.c", Message: `database "app" does not exist`}, false,
		},
		"raised by the data": {pgconn.PgError{
			Code: "22023", File: "pl_exec.c", Message: `"base/16384" is not a valid data directory`,
		}, false},
		"another parameter": {
			pgconn.PgError{Code: "22023", File: "miscinit.c", Message: `invalid value for parameter "x"`}, false,
		},
	} {
		assert.Equal(t, c.lost, lostDatabase(&c.answer), name)
		assert.Equal(t, c.lost, saysDamage(&c.answer), name)
	}
}

// A file of the server's own that it misses is told from one that a function wanted.
func TestLostFile(t *testing.T) {
	assert.True(t, lostFile(&pgconn.PgError{Code: "58P01", File: "md.c"}))
	assert.True(t, lostFile(&pgconn.PgError{Code: "58P01", File: "../src/backend/access/transam/slru.c"}))
	assert.False(t, lostFile(&pgconn.PgError{Code: "58P01", File: "genfile.c"}))
	assert.False(t, lostFile(&pgconn.PgError{Code: "58P01", File: "pl_exec.c"}))
	assert.False(t, lostFile(&pgconn.PgError{Code: "58030", File: "md.c"}))
}

// What lies in the directory of a database is held against what every one has.
func TestStoredDatabase(t *testing.T) {
	length, shorter := int64(512), int64(100)
	for name, c := range map[string]struct {
		database storedDatabase
		fault    string
	}{
		"whole":         {storedDatabase{"app", "base/5", []byte("15\n"), &length}, ""},
		"no PG_VERSION": {storedDatabase{"app", "base/5", nil, &length}, "base/5/PG_VERSION is missing"},
		"an empty one":  {storedDatabase{"app", "base/5", []byte{}, &length}, `PG_VERSION says "", and the cluster`},
		"another one":   {storedDatabase{"app", "base/5", []byte("14\n"), &length}, `says "14"`},
		"no map":        {storedDatabase{"app", "base/5", []byte("15\n"), nil}, "base/5/pg_filenode.map is missing"},
		"a cut map":     {storedDatabase{"app", "base/5", []byte("15\n"), &shorter}, "has 100 bytes, not 512"},
	} {
		fault := c.database.judge(ofCluster{major: "15", mapped: length})
		if c.fault == "" {
			assert.Empty(t, fault, name)
			continue
		}
		assert.Contains(t, fault, c.fault, name)
	}
}
