package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// usualRoles and usualDatabases are what initdb makes, and are tried first. All of it can have
// another name, be closed, or be gone.
var (
	usualRoles     = []string{"postgres"}
	usualDatabases = []string{"template1", "postgres"}
)

// errNoWayIn is a cluster in which no superuser may log in, or no database takes connections.
var errNoWayIn = errors.New("no superuser can log in to any database")

// firstSession connects as a superuser, the one with OID 10 that initdb made where it may: to a database
// that takes connections. Names besides the usual ones are read from the files of the cluster, which needs
// no connection.
func (s *Server) firstSession(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.anySession(ctx, usualRoles, usualDatabases)
	if err == nil || !errors.Is(err, errNoWayIn) {
		return conn, err
	}
	roles, readErr := s.superusers(ctx)
	databases, otherErr := s.databases(ctx)
	if readErr = errors.Join(readErr, otherErr); readErr != nil {
		return nil, errors.Join(err, readErr)
	}
	return s.anySession(ctx, slices.Concat(roles, usualRoles), distinct(slices.Concat(usualDatabases, databases)))
}

// anySession connects with the first name that is a superuser's to the first database that is
// open. errNoWayIn is joined with why none was.
func (s *Server) anySession(ctx context.Context, roles, databases []string) (*pgx.Conn, error) {
	refused := []error{errNoWayIn}
	for _, role := range roles {
		for _, database := range databases {
			conn, err := s.superuserSession(ctx, role, database)
			if err == nil {
				return conn, nil
			}
			switch {
			case ClosedDatabase(err):
				refused = append(refused, err)
				continue
			case !isNoSuperuser(err):
				return nil, err
			}
			refused = append(refused, err)
			break
		}
	}
	return nil, errors.Join(refused...)
}

// superuserSession connects with a name and, once in, goes on as OID 10 where that one is a superuser
// that may log in.
func (s *Server) superuserSession(ctx context.Context, name, database string) (*pgx.Conn, error) {
	conn, err := s.connectAs(ctx, name, database, "pg_catalog")
	if err != nil {
		return nil, err
	}
	var role string
	var own bool // what it is called here may have been converted
	err = conn.QueryRow(ctx, `SELECT rolname::text, rolname = current_user FROM pg_catalog.pg_roles
		WHERE rolsuper AND rolcanlogin AND (oid = 10 OR rolname = current_user) ORDER BY oid <> 10 LIMIT 1`).
		Scan(&role, &own)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("role %q: %w", name, errNoSuperuser)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	s.Home = database
	if own {
		s.User = name
		return conn, nil
	}
	s.User = role
	if err := conn.Close(ctx); err != nil {
		return nil, err
	}
	return s.connectAs(ctx, role, database, "pg_catalog")
}

// ClosedDatabase says that a database cannot be opened, and another one may: 55000 does not
// accept connections, 3D000 is not there or has lost its directory, 58P01 a file of it, 22023 what makes it one,
// XX000 is what a missing locale gives, and with its kin what damage does. What is damaged is for the checks to say.
func ClosedDatabase(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(refused.Code, "XX") ||
		slices.Contains([]string{"55000", "3D000", "58P01", "22023"}, refused.Code))
}

var errNoSuperuser = errors.New("it is no superuser")

// isNoSuperuser: 28000 is invalid_authorization_specification, "role does not exist" or may not log in;
// 42501 is a role that may not set what only a superuser may.
func isNoSuperuser(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, errNoSuperuser) || ok && (refused.Code == "28000" || refused.Code == "42501")
}
