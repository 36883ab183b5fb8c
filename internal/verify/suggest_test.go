package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A minimum is a round figure a little below what is there, and never 0.
func TestLeast(t *testing.T) {
	for rows, want := range map[int64]int64{
		0: 1, 1: 1, 2: 1, 10: 9, 11: 9, 100: 90, 119: 100, 1_000: 900, 1_234_567: 1_100_000, 5_500: 4_900,
	} {
		assert.Equal(t, want, least(rows), rows)
	}
}

// The largest of all, and of each other database its own largest.
func TestChosen(t *testing.T) {
	of := func(database string, sizes ...int64) (list []tableSize) {
		for _, size := range sizes {
			list = append(list, tableSize{place: place{Database: database}, Size: size})
		}
		return list
	}
	all := append(of("small", 3, 1), of("big", 90, 80, 70, 60, 50, 40)...)
	got := chosen(all)
	require.Len(t, got, 6)
	assert.EqualValues(t, 90, got[0].Size)
	assert.Equal(t, "small", got[5].Database)
	assert.EqualValues(t, 3, got[5].Size)
	assert.Empty(t, chosen(nil))
}

// What is written is read again, whatever the names hold; no two checks have one name.
func TestSuggestion_Write(t *testing.T) {
	table := func(database, schema, name, sql string, rows int64) tableSize {
		return tableSize{place: place{Database: database, Schema: schema, Name: name, Table: sql}, rows: rows}
	}
	tables := []tableSize{
		table("shop", "public", "orders", "public.orders", 1_234_567),
		table("shop", "app", "orders", "app.orders", 3),
		table("yes", "public", "orders", "public.orders", 20),
		table("#1: 'a' \"b\"", "public", "it's: \"x\" # y", `public."it's: ""x"" # y"`, 100),
		table("0x1f", "public", "a\nb\x16=== ATTR", "public.\"a\nb\x16=== ATTR\"", 100),
		table("-", "public", "таблица", `public."таблица"`, 100),
		table(" blank", "public", "t", "public.t", 100), // a file has no way to name that
		table("shop", "public", strings.Repeat("n", 63), "public."+strings.Repeat("n", 63), 7),
		table("shop", "public", "huge", "public.huge", -1),
	}
	tables[len(tables)-1].Estimated = 5e9
	var s Suggestion
	s.write(tables)
	checks, err := ParseChecks("suggested", []byte(s.YAML), "elsewhere")
	require.NoError(t, err, s.YAML)
	assert.Equal(t, s.Checks, checks)
	require.Len(t, checks, len(tables)-1)
	assert.Len(t, s.Notes, 1)
	assert.Equal(t, Check{
		Name: "orders", Database: "shop", Query: "SELECT count(*) FROM public.orders", Expect: Min{whole(1_100_000)},
	}, checks[0])
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
	}
	assert.Equal(t, []string{
		"orders", "app.orders", "orders-2", "it_s_x_y", "a_b_ATTR", "table", strings.Repeat("n", 50), "huge",
	}, names)
	assert.Equal(t, `SELECT count(*) FROM U&"public"."a\000Ab\0016=== ATTR"`,
		strings.ReplaceAll(checks[4].Query, `.U&"`, `."`))
	assert.True(t, isPrintable(strings.ReplaceAll(s.YAML, "\n", " ")), "it is printed on terminals")
	assert.Contains(t, s.YAML, "# there was no time to count; the statistics say 5000000000 rows\n")

	s = Suggestion{}
	s.write(nil)
	assert.Empty(t, s.YAML)
}
