package compare

import "strings"

// Column is one column of an object, and how it is compared.
type Column struct {
	Name string // quoted
	How  How
	Enum string // of a column whose domain is of an enum: the enum, quoted
}

// How is what is hashed of a column. The text of a value is, wherever that depends on nothing but the value.
type How string

// Some types print names that they look up in the catalogs of now, whatever the snapshot is: on a standby that goes on
// replaying, a role or a label renamed later would look like another row. What they store is numbers, and those are
// compared.
const (
	Text    How = "text"
	Bytes   How = "bytes"   // bytea: text too, unless a row has to be taken apart
	Number  How = "number"  // regclass and the like: the OID
	Numbers How = "numbers" // arrays of those
	Label   How = "label"   // of an enum: a hash of the label's OID
	Labels  How = "labels"  // arrays of those
	Right   How = "right"   // aclitem
	Rights  How = "rights"  // aclitem[]
	Samples How = "samples" // anyarray: see sampled
	// Nested is a composite, a range or the like with one of these in it. It is not compared.
	Nested How = "nested"
	// InPlace is a column of a catalog that VACUUM, CREATE INDEX or DROP DATABASE change outside of any transaction: no
	// snapshot keeps its old value (heap_inplace_update). It is not compared.
	InPlace How = "in_place"
)

// Compared says whether the column goes into a digest.
func (c Column) Compared() bool { return c.How != Nested && c.How != InPlace }

// expression is what is hashed of the column of table t.
func (c Column) expression() string {
	value := "t." + c.Name
	switch c.How {
	case Number:
		return value + "::pg_catalog.oid"
	case Numbers:
		return value + "::pg_catalog.oid[]"
	case Label:
		if c.Enum != "" { // a domain is no enum to a function of any enum
			value += "::" + c.Enum
		}
		return "pg_catalog.hashenumextended(" + value + ", 0)"
	case Labels:
		return "ROW(pg_catalog.array_dims(" + value + "), pg_catalog.hash_array_extended(" + value + ", 0))"
	case Right:
		return "pg_catalog.hash_aclitem_extended(" + value + ", 0)"
	case Rights:
		return "CASE WHEN " + value + " IS NOT NULL THEN ARRAY(SELECT ROW(e.grantor, e.grantee, e.privilege_type, " +
			"e.is_grantable)::pg_catalog.text FROM pg_catalog.aclexplode(" + value + ") e) END"
	case Samples:
		return sampled(value)
	case Text, Bytes, Nested, InPlace:
	}
	return value
}

// alone is the text of the column by itself: for rows that are too large to be one text. The text of a bytea is twice
// as large as it is; its checksum is not. Never ::text of a value: the data may have a cast to it, whose function would
// run. format calls the output function of the type alone; ROW()::text would as well, and may double what it quotes.
// DISTINCT FROM NULL tells a NULL from a composite of NULLs, too.
func (c Column) alone() string {
	if c.How == Bytes {
		return "pg_catalog.encode(pg_catalog.sha256(t." + c.Name + "), 'hex')"
	}
	value := c.expression()
	return "CASE WHEN (" + value + ") IS DISTINCT FROM NULL THEN pg_catalog.format('%s', " + value + ") END"
}

// row is the text of a whole row. It is built of the columns, never t::text: the data may have a cast from a table's
// row type to text, whose function would run. A record has none, and its output calls those of the types alone.
func (o Object) row() string {
	var list []string
	for _, c := range o.Columns {
		if c.Compared() {
			list = append(list, c.expression())
		}
	}
	return "ROW(" + strings.Join(list, ", ") + ")::pg_catalog.text"
}

// NotCompared are the columns that go into no digest although they are the data's: those of How Nested.
func (o Object) NotCompared() (names []string) {
	for _, c := range o.Columns {
		if c.How == Nested {
			names = append(names, c.Name)
		}
	}
	return names
}
