package compared

import (
	"veza.fr/recovery/internal/harness/damage"
	"veza.fr/recovery/internal/reason"
)

// injury is one thing that is wrong in a backup, and what the drill must say of it.
type injury struct {
	name, relation string
	how            damage.Way
	why            reason.Reason
	words          []string // of the detail and the notes
	deep           string   // none, unless it needs more than rows
	row            string   // asks database kept for the block that the drill must have named
}

// toastTable is where the text of document lies.
const toastTable = "(SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'document')"

// injuries are those of a disk, a memory and a catalog.
var injuries = []injury{
	{
		name: "nothing", relation: "kept.pages", how: damage.None, why: reason.None,
		words: []string{"the same as the standby"},
	},
	{
		name: "one bit of one row", relation: "kept.large", how: oneBit("large row number 0654321", 6),
		why:   reason.DataDiffers,
		words: []string{"1 of", "public.large in database kept: blocks", "and not the same ones"},
		row:   `SELECT (ctid::text::point)[0]::bigint FROM large WHERE id = 654321`,
	},
	{
		name: "a heap file emptied", relation: "kept.pages", how: damage.NoPages, why: reason.DataDiffers,
		words: []string{"public.pages in database kept: blocks 0 to", "rows in the standby, 0 in the clone"},
	},
	{
		name: "a heap file cut", relation: "kept.pages", how: damage.FourPages, why: reason.DataDiffers,
		words: []string{"public.pages in database kept: blocks 0 to", "rows in the standby"},
	},
	{
		name: "pages zeroed", relation: "kept.pages", how: damage.ZeroPages, why: reason.DataDiffers,
		words: []string{"public.pages in database kept: blocks 0 to", "rows in the standby"},
	},
	{
		name: "an index alone", relation: "kept.pages_pkey", how: damage.ZeroPages, why: reason.IndexCorrupt,
		deep: "amcheck", words: []string{"pages_pkey"},
	},
	{
		name: "a TOAST value swapped", relation: "kept." + toastTable, how: swapped("value A", "value B"),
		why: reason.DataDiffers, words: []string{"public.document in database kept: blocks", "and not the same ones"},
	},
	{
		name: "a large object changed", relation: "kept.pg_largeobject", why: reason.DataDiffers,
		how:   damage.Replaced("a large object", "a small object"),
		words: []string{"pg_catalog.pg_largeobject in database kept"},
	},
	{
		name: "a sequence set back", relation: "kept.counter", how: damage.SetBack(1111111, 1111110),
		why: reason.DataDiffers,
		words: []string{
			"public.counter in database kept: the sequence is at 1111111 in the standby, at 1111110 in the clone",
		},
	},
	{
		name: "a table missing in one database of five", relation: "third.pg_class", how: damage.DeadRow("vanished"),
		why: reason.DataDiffers, words: []string{"public.vanished in database third: is missing in the clone"},
	},
}

// keptTables are what is damaged; the large one is most of a gigabyte.
var keptTables = []string{
	`CREATE TABLE large (id int, body text) WITH (autovacuum_enabled = off)`,
	`INSERT INTO large SELECT i, 'large row number ' || lpad(i::text, 7, '0') || repeat(md5(i::text), 8)
		FROM generate_series(1, %d) i`,
	`CREATE TABLE pages (id int PRIMARY KEY, body text)`,
	`INSERT INTO pages SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 200000) i`,
	`CREATE TABLE document (id int, body text)`, `ALTER TABLE document ALTER body SET STORAGE EXTERNAL`,
	`INSERT INTO document SELECT i, CASE i WHEN 77 THEN 'value A' WHEN 78 THEN 'value B' ELSE 'value C' END ||
		repeat(md5((i / 1000)::text), 300) FROM generate_series(1, 900) i`,
	`SELECT lo_from_bytea(4711, 'a large object')`, `CREATE SEQUENCE counter`, `SELECT setval('counter', 1111111)`,
	`VACUUM (FREEZE, ANALYZE)`,
}

// oneBit flips the lowest bit of one byte, behind a text that stands there once.
func oneBit(text string, at int) damage.Way {
	flipped := []byte(text)
	flipped[len(text)-1-at] ^= 1
	return damage.Replaced(text, string(flipped))
}

// swapped has two values of one length change places.
func swapped(a, b string) damage.Way {
	return func(file []byte) []byte {
		const neither = "VALUE ?"
		for _, step := range [][2]string{{a, neither}, {b, a}, {neither, b}} {
			file = damage.Replaced(step[0], step[1])(file)
		}
		return file
	}
}
