package drill

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Only a refusal, by its code, of a function that ends sessions is the check's own doing.
func TestRefusedToEnd(t *testing.T) {
	assert.True(t, refusedToEnd("permission denied for function pg_terminate_backend (SQLSTATE 42501)"))
	assert.True(t, refusedToEnd("droit refusé pour la fonction pg_cancel_backend (SQLSTATE 42501)"))
	assert.False(t, refusedToEnd("permission denied for table pg_authid (SQLSTATE 42501)"))
	assert.False(t, refusedToEnd("canceling statement due to user request (SQLSTATE 57014)"))
}
