package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A session that ended, or did not come about, is told from a question that was answered, be it by an error.
func TestSessionEnded(t *testing.T) {
	said := func(code, file string) error { return fmt.Errorf("x: %w", &pgconn.PgError{Code: code, File: file}) }
	for name, err := range map[string]error{
		"told to end":        said("57P01", "postgres.c"),
		"another crashed":    said("57P02", "postgres.c"),
		"it recovers":        said("57P03", "postmaster.c"),
		"told to cancel":     said("57014", "postgres.c"),
		"cut in the middle":  fmt.Errorf("x: %w", io.ErrUnexpectedEOF),
		"cut":                io.EOF,
		"closed before":      pgconn.ErrConnClosed,
		"reset":              &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"nobody reads it":    &net.OpError{Op: "write", Err: syscall.EPIPE},
		"it did not connect": &pgconn.ConnectError{},
	} {
		assert.True(t, SessionEnded(err), name)
	}
	for name, err := range map[string]error{
		"nothing":               nil,
		"no such table":         said("42P01", "parse_relation.c"),
		"no such database":      fmt.Errorf("%w: %w", &pgconn.ConnectError{}, said("3D000", "postinit.c")),
		"damage":                said("XX001", "bufmgr.c"),
		"a function says so":    said("57P01", "pl_exec.c"),
		"a function cancels":    said("57014", "pl_exec.c"),
		"a lock did not come":   said("55P03", "postgres.c"),
		"the client's own word": errors.New("expected 1 arguments, got 0"),
	} {
		assert.False(t, SessionEnded(err), name)
	}
}

// stub is a server that answers a check, and gives up after some messages of the client.
type stub struct {
	after int
	how   func(*pgproto3.Backend) // says the last word, if any
}

// serve answers one session.
func (s stub) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // it may be closed already
	b := pgproto3.NewBackend(conn, conn)
	if s.after == 0 {
		return
	}
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(ready)
	for n := 1; b.Flush() == nil; n++ {
		message, err := b.Receive()
		if err != nil {
			return
		}
		if n == s.after {
			s.how(b)
			return
		}
		switch message.(type) {
		case *pgproto3.Query:
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SET")})
			b.Send(ready)
		case *pgproto3.Parse:
			b.Send(&pgproto3.ParseComplete{})
		case *pgproto3.Describe:
			b.Send(&pgproto3.ParameterDescription{})
			b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{DataTypeOID: pgtype.Int8OID}}})
		case *pgproto3.Bind:
			b.Send(&pgproto3.BindComplete{})
		case *pgproto3.Execute:
			b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("1000")}})
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
		case *pgproto3.Sync:
			b.Send(ready)
		case *pgproto3.Terminate:
			return
		}
	}
}

// connect is a session with a stub.
func (s stub) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable host=stub user=u database=" + database)
	if err != nil {
		return nil, err
	}
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"stub"}, nil }
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go s.serve(theirs)
		return ours, nil
	}
	return pgx.ConnectConfig(ctx, config)
}

// Wherever a session is cut, in the connection, the settings, the transaction, the query or its rows, a check
// has no outcome, and its error says that the session ended.
func TestCheck_ASessionThatEndsAnywhereIsNoOutcome(t *testing.T) {
	fatal := func(code string) func(*pgproto3.Backend) {
		return func(b *pgproto3.Backend) {
			b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, File: "postgres.c", Message: "it ends"})
			_ = b.Flush()
		}
	}
	for name, how := range map[string]func(*pgproto3.Backend){
		"cut": func(*pgproto3.Backend) {},
		"after half a row": func(b *pgproto3.Backend) {
			b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("1000")}})
			_ = b.Flush()
		},
		"told to end": fatal("57P01"), "it recovers": fatal("57P03"), "told to cancel": fatal("57014"),
	} {
		passed := false
		for after := 0; !passed && after < 100; after++ {
			s := stub{after, how}
			outcomes, err := Run(t.Context(), s.connect, []Check{SmokeCheck("veza", 1)}, time.Now())
			if passed = err == nil; passed {
				require.Greater(t, after, 5, name)
				require.Len(t, outcomes, 1)
				assert.Equal(t, Passed, outcomes[0].Status, "%s after %d: %s", name, after, outcomes[0].Sentence)
				continue
			}
			assert.Empty(t, outcomes, "%s after %d", name, after)
			assert.True(t, SessionEnded(err), "%s after %d: %v", name, after, err)
		}
		assert.True(t, passed, name)
	}
}
