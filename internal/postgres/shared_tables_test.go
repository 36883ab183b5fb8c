package postgres

import (
	"encoding/binary"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// tableOf is one page with rows of pg_authid.
func tableOf(roles ...row) []byte {
	page := make([]byte, pageSize)
	end := pageSize
	for i, r := range roles {
		end -= 24 + len(r)
		page[end+22] = 24
		copy(page[end+24:], r)
		binary.NativeEndian.PutUint32(page[24+4*i:], uint32(end)|1<<15)
	}
	binary.NativeEndian.PutUint16(page[12:], uint16(24+4*len(roles)))
	return page
}

func role(oid uint32, name string, super, login byte) row {
	r := make(row, 80)
	binary.NativeEndian.PutUint32(r, oid)
	copy(r[nameAt:], name)
	r[superAt], r[loginAt] = super, login
	return r
}

// The role that initdb made goes first, whatever it may by now; then whoever is a superuser and may log in.
func TestSuperuserNames(t *testing.T) {
	table := tableOf(role(10, "postgres", 1, 1), role(16384, "boss", 1, 1), role(16385, "group", 1, 0),
		role(16386, "app", 0, 1), role(10, "root", 0, 1))
	assert.Equal(t, []string{"root", "postgres", "boss"}, superuserNames(table))
	assert.Len(t, rows(table, nameAt+nameLength), 5)
	assert.Empty(t, superuserNames(make([]byte, pageSize)))
}

// The data's names stand in no statement of single-user mode.
func TestOpeningStatements(t *testing.T) {
	assert.Contains(t, openingStatements, "WHERE oid = 10\n")
	assert.Contains(t, openingStatements, "current_database()")
}

func TestMissingLocale(t *testing.T) {
	err := MissingLocale(&pgconn.PgError{
		Code: "XX000", Message: wrongLocale, File: "postinit.c",
		Detail: `The database was initialized with LC_COLLATE "fr_FR.UTF-8",  which is not recognized by setlocale().`,
	})
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ToolMissing, why)
	assert.ErrorContains(t, err, "locale fr_FR.UTF-8 is not installed")
	assert.True(t, ClosedDatabase(err), "another database may be of another locale")
	of := pgconn.PgError{Code: "22023", Message: `could not create locale "de_DE": No such file`, File: "pg_locale.c"}
	assert.ErrorContains(t, MissingLocale(&of), "locale de_DE is not installed")
	of.File = "pl_exec.c"
	assert.NoError(t, MissingLocale(&of), "a function of the data said so")
	assert.NoError(t, MissingLocale(&pgconn.PgError{Code: "XX000", Message: "something else"}))
	assert.NoError(t, MissingLocale(nil))
}
