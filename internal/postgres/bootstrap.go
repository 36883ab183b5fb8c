package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// firstSession connects as the cluster's bootstrap superuser, the role with OID 10
// that initdb made. Its name need not be postgres, so names are tried: the usual one,
// then those the table of roles holds on disk, which needs no connection to read.
func (s *Server) firstSession(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.bootstrapSession(ctx, "postgres")
	if err == nil || !isMissingRole(err) {
		return conn, err
	}
	names, readErr := s.bootstrapNames(ctx)
	if readErr != nil {
		return nil, errors.Join(err, readErr)
	}
	for _, name := range names {
		if conn, err = s.bootstrapSession(ctx, name); err == nil || !isMissingRole(err) {
			return conn, err
		}
	}
	return nil, err
}

// bootstrapSession connects with any name and, once in, goes on as OID 10.
func (s *Server) bootstrapSession(ctx context.Context, name string) (*pgx.Conn, error) {
	conn, database, err := s.anyDatabase(ctx, name)
	if err != nil {
		return nil, err
	}
	var owner string
	if err := conn.QueryRow(ctx, "SELECT rolname FROM pg_roles WHERE oid = 10").Scan(&owner); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	s.User = owner
	if owner == name {
		return conn, nil
	}
	if err := conn.Close(ctx); err != nil {
		return nil, err
	}
	return s.connectAs(ctx, owner, database, "pg_catalog")
}

// anyDatabase connects to one of the databases initdb makes: either may be dropped,
// closed, or of a locale that is not installed here.
func (s *Server) anyDatabase(ctx context.Context, user string) (conn *pgx.Conn, database string, err error) {
	var refused []error
	for _, database = range []string{"template1", "postgres"} {
		conn, err = s.connectAs(ctx, user, database, "pg_catalog")
		if err == nil || !ClosedDatabase(err) {
			return conn, database, err
		}
		refused = append(refused, err)
	}
	return nil, "", errors.Join(refused...)
}

// ClosedDatabase says that a database cannot be opened, and another one may: 55000 does not
// accept connections, 3D000 is not there, XX000 is what a missing locale gives.
func ClosedDatabase(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (refused.Code == "55000" || refused.Code == "3D000" || refused.Code == "XX000")
}

// isMissingRole: 28000 is invalid_authorization_specification, "role does not exist";
// 42501 is a role that may not set what only a superuser may, so not the bootstrap one.
func isMissingRole(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (refused.Code == "28000" || refused.Code == "42501")
}

const (
	pgAuthID     = 1260 // OID of the table of roles, a mapped relation
	bootstrapOID = 10
	pageSize     = 8192
)

// bootstrapNames reads the names of OID 10 out of pg_authid's file. Old versions of
// the row may stand there too; whoever connects sees which one is right.
func (s *Server) bootstrapNames(ctx context.Context) ([]string, error) {
	mapping, err := s.Host.Read(ctx, path.Join(s.Data, "global/pg_filenode.map"))
	if err != nil {
		return nil, err
	}
	file, ok := mappedFile(mapping, pgAuthID)
	if !ok {
		return nil, errors.New("pg_filenode.map does not know the table of roles")
	}
	table, err := s.Host.Read(ctx, path.Join(s.Data, fmt.Sprintf("global/%d", file)))
	if err != nil {
		return nil, err
	}
	return roleNames(table, bootstrapOID), nil
}

// mappedFile finds a relation in a pg_filenode.map: magic, count, then pairs of OID
// and file number (RelMapFile in relmapper.c), in the machine's byte order.
func mappedFile(mapping []byte, oid uint32) (file uint32, ok bool) {
	for at := 8; at+8 <= len(mapping); at += 8 {
		if binary.NativeEndian.Uint32(mapping[at:]) == oid {
			return binary.NativeEndian.Uint32(mapping[at+4:]), true
		}
	}
	return 0, false
}

// roleNames walks the pages of pg_authid (bufpage.h, htup_details.h): line pointers
// from byte 24 up to pd_lower; a tuple's data begins at t_hoff with oid and rolname.
func roleNames(table []byte, oid uint32) []string {
	var names []string
	for start := 0; start+pageSize <= len(table); start += pageSize {
		page := table[start : start+pageSize]
		lower := int(binary.NativeEndian.Uint16(page[12:]))
		for at := 24; at+4 <= min(lower, pageSize); at += 4 {
			pointer := binary.NativeEndian.Uint32(page[at:])
			tuple := int(pointer & 0x7FFF)
			if pointer>>15&3 != 1 || tuple+24 > pageSize { // 1 is LP_NORMAL
				continue
			}
			data := tuple + int(page[tuple+22])
			if data+68 > pageSize || binary.NativeEndian.Uint32(page[data:]) != oid {
				continue
			}
			name, _, _ := bytes.Cut(page[data+4:data+68], []byte{0})
			names = append(names, string(name))
		}
	}
	slices.Reverse(names) // the newest version usually stands last
	return slices.Compact(names)
}
