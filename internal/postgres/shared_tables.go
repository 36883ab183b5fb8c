package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
)

// OIDs of the tables that every database of a cluster shares (pg_authid.h, pg_database.h).
const (
	pgAuthID   = 1260
	pgDatabase = 1262
	pageSize   = 8192
)

// superusers reads the names of roles that are superusers and may log in, that with OID 10 first.
// Old versions of a row may stand there too; whoever connects sees which one is right.
func (s *Server) superusers(ctx context.Context) ([]string, error) {
	table, err := s.sharedTable(ctx, pgAuthID)
	if err != nil {
		return nil, err
	}
	return superuserNames(table), nil
}

// databases reads the names of databases. Which of them can be opened, a connection tells.
func (s *Server) databases(ctx context.Context) ([]string, error) {
	table, err := s.sharedTable(ctx, pgDatabase)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, row := range rows(table, nameAt+nameLength) {
		names = append(names, row.name())
	}
	return distinct(names), nil
}

// sharedTable reads the file of a shared table, a mapped relation.
func (s *Server) sharedTable(ctx context.Context, oid uint32) ([]byte, error) {
	mapping, err := s.Host.Read(ctx, path.Join(s.Data, "global/pg_filenode.map"))
	if err != nil {
		return nil, err
	}
	file, ok := mappedFile(mapping, oid)
	if !ok {
		return nil, fmt.Errorf("pg_filenode.map does not know the table with OID %d", oid)
	}
	return s.Host.Read(ctx, path.Join(s.Data, fmt.Sprintf("global/%d", file)))
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

// Both tables begin with an OID and a name; in pg_authid rolsuper, rolinherit, rolcreaterole,
// rolcreatedb and rolcanlogin follow, a byte each.
const (
	nameAt, nameLength = 4, 64
	superAt, loginAt   = 68, 72
	bootstrapOID       = 10
)

// row is the data of one version of a row.
type row []byte

func (r row) oid() uint32 { return binary.NativeEndian.Uint32(r) }

func (r row) name() string {
	name, _, _ := bytes.Cut(r[nameAt:nameAt+nameLength], []byte{0})
	return string(name)
}

// rows walks the pages of a table (bufpage.h, htup_details.h): line pointers from byte 24 up to
// pd_lower; a tuple's data begins at t_hoff. What is shorter than length is no row. The newest version
// usually stands last, and comes first here.
func rows(table []byte, length int) (list []row) {
	for start := 0; start+pageSize <= len(table); start += pageSize {
		page := table[start : start+pageSize]
		lower := int(binary.NativeEndian.Uint16(page[12:]))
		for at := 24; at+4 <= min(lower, pageSize); at += 4 {
			pointer := binary.NativeEndian.Uint32(page[at:])
			tuple := int(pointer & 0x7FFF)
			if pointer>>15&3 != 1 || tuple+24 > pageSize { // 1 is LP_NORMAL
				continue
			}
			if data := tuple + int(page[tuple+22]); data+length <= pageSize {
				list = append(list, page[data:])
			}
		}
	}
	slices.Reverse(list)
	return list
}

func superuserNames(table []byte) []string {
	var first, others []string
	for _, r := range rows(table, loginAt+1) {
		switch {
		case r.oid() == bootstrapOID: // any name is worth a try: whoever is in knows what it may
			first = append(first, r.name())
		case r[superAt] == 1 && r[loginAt] == 1:
			others = append(others, r.name())
		}
	}
	return distinct(append(first, others...))
}

// distinct keeps the first of equal names.
func distinct(names []string) (list []string) {
	for _, name := range names {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
