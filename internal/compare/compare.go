// Package compare says whether two servers hold the same rows: a streaming standby of production, as it was at one
// position in the WAL, and a clone that was recovered to that position; or two clones of different backup sets. Both
// are physical copies, so that a row stands at the same place in both, and what is compared is place and text of each.
//
// Nothing of a row leaves a server: it is asked for the number of rows in a range of blocks and for two sums of
// 64-bit hashes over them. The seeds of the hashes are made anew for each run; nobody can have prepared rows that
// collide. Sums, and not exclusive ors, which cancel a row that is there twice.
//
// Compared is every permanent table and materialized view, the catalogs and with them the large objects among them,
// and every sequence. Not compared are unlogged and temporary tables, which no backup holds; foreign tables and views,
// which hold nothing; and indexes, which are no rows.
package compare

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
)

// ID is a relation: one of a database, or one that all databases share, of which Database is "".
type ID struct {
	Database string
	OID      uint32
}

// Object is a table or a materialized view that holds rows, a catalog among them.
type Object struct {
	ID
	Name    string // quoted, with its schema
	View    bool   // a materialized view
	Blocks  int64
	Columns []Column
	File    uint32 // number of its file in the catalog; 0 for the few catalogs whose file is not noted there
	Shape   string // what it is by the catalogs: name, file, columns
}

// Part is a range of blocks of an object: from First on, End not included. End 0 is to the end of the table.
type Part struct {
	ID
	First, End int64
}

// String names the blocks of a part.
func (p Part) String() string {
	if p.End == 0 {
		return fmt.Sprintf("blocks from %d on", p.First)
	}
	return fmt.Sprintf("blocks %d to %d", p.First, p.End-1)
}

// Digest is what one side says of a part.
type Digest struct {
	Rows  int64
	Sums  [2]string // decimal: they have more than 64 bits
	Bytes int64     // of text that was hashed
	File  uint32    // the file that was read
	// Unread is the SQLSTATE of a part that the side cannot read; the rest is zero then.
	Unread string
}

// Side is what one of the two servers says.
type Side struct {
	Databases []string           // that were asked
	Blocks    map[string]int64   // of all databases, as far as the server says how large they are
	Closed    []LeftOut          // databases that take no connections
	Refused   map[string]Refusal // databases that take connections, and did not take ours
	Objects   map[ID]Object
	Digests   map[Part]Digest
	Sequences map[ID]Sequence
	LeftOut   []LeftOut
}

// NewSide is a side that has said nothing yet.
func NewSide() Side {
	return Side{
		Objects: map[ID]Object{}, Digests: map[Part]Digest{}, Sequences: map[ID]Sequence{},
		Refused: map[string]Refusal{},
	}
}

// Shut says whether a database takes connections, and did not take ours: nothing of it is compared.
func (s Side) Shut() bool { return len(s.ShutOnes()) > 0 }

// ShutOnes are these databases.
func (s Side) ShutOnes() (names []string) {
	for name := range s.Blocks {
		closed := func(l LeftOut) bool { return l.Database == name }
		if !slices.Contains(s.Databases, name) && !slices.ContainsFunc(s.Closed, closed) {
			names = append(names, name)
		}
	}
	return names
}

// LeftOut is something that is not compared, and why. What names a database alone has no Name.
type LeftOut struct {
	ID
	Name string
	Why  string
	// Denied says that a right is missing for it: with that it would have been compared.
	Denied bool
	// Code says that reading it would run code of the data: it is never compared, and not waited for.
	Code bool
}

// String names it.
func (l LeftOut) String() string {
	if l.Name == "" {
		return fmt.Sprintf("database %s: %s", l.Database, l.Why)
	}
	return fmt.Sprintf("%s%s: %s", l.Name, in(l.Database), l.Why)
}

// in says in which database something is.
func in(database string) string {
	if database == "" {
		return ", which all databases share"
	}
	return " in database " + database
}

// Seeds are those of the two hashes.
type Seeds [2]int64

// NewSeeds makes seeds that nobody could know before.
func NewSeeds() (s Seeds) {
	for i := range s {
		var b [8]byte
		_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
		s[i] = int64(binary.BigEndian.Uint64(b[:]))
	}
	return s
}
