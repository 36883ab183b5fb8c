package backup

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/wait"
)

// The same number written by somebody else is tried again, and so is a lost connection;
// anything else the server says is final.
func TestRetrySameNumber(t *testing.T) {
	permanent := func(err error) bool { _, ok := errors.AsType[*wait.Permanent](retrySameNumber(err)); return ok }
	assert.NoError(t, retrySameNumber(nil))
	assert.False(t, permanent(&pgconn.PgError{Code: uniqueViolation}))
	assert.False(t, permanent(errors.New("connection reset")))
	assert.True(t, permanent(&pgconn.PgError{Code: undefinedTable}))
}

// No table, and no right to it, are the settings' fault.
func TestNotWritable(t *testing.T) {
	for code, want := range map[string]bool{"42P01": true, "42501": true, "53300": false, "25006": false} {
		assert.Equal(t, want, notWritable(fmt.Errorf("waiting: %w", &pgconn.PgError{Code: code})), code)
	}
	assert.False(t, notWritable(errors.New("connection reset")))
	assert.False(t, notWritable(nil))
}
