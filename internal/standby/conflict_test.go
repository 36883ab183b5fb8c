package standby_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/standby"
)

func TestConflict(t *testing.T) {
	t.Parallel()
	cut := &net.OpError{Op: "write", Net: "unix", Err: os.NewSyscallError("write", syscall.EPIPE)}
	for _, another := range []error{
		fmt.Errorf("write failed: %w", cut),
		&pgconn.PgError{Code: "40001"}, &pgconn.PgError{Code: "57P01"},
	} {
		assert.True(t, standby.Conflict(another), "%v", another)
	}
	for _, lasting := range []error{
		nil, errors.New("no right to pause"), &pgconn.PgError{Code: "42501"}, context.Canceled,
	} {
		assert.False(t, standby.Conflict(lasting), "%v", lasting)
	}
}
