package verify

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// placed is a relation of that name and kind; sql is how the server would write it.
func placed(database, sql, kind string, near int) place {
	schema, name, _ := strings.Cut(sql, ".")
	return place{database, strings.Trim(schema, `"`), strings.Trim(name, `"`), sql, kind, near}
}

func TestDirections(t *testing.T) {
	smoke := SmokeCheck("postgres", 5000)
	own := Check{Name: "orders", Database: "postgres", Query: "SELECT count(*) FROM orders", Expect: Min{whole(1)}}
	const no = "no database has a table users"
	for _, c := range []struct {
		name   string
		check  Check
		found  []place
		closed bool
		want   string
	}{
		{"Nowhere", smoke, nil, false, no},
		{
			"InOtherDatabases", smoke,
			[]place{placed("app", "public.users", "r", 0), placed("shop", "public.users", "p", 0)},
			false,
			"databases that have a table users: app (schema public), shop (schema public); name one with -database",
		},
		{
			"InAnotherSchema", smoke,
			[]place{placed("postgres", "app.users", "r", 0)},
			false,
			"database postgres has the table users (schema app); a file for -checks asks it with: " +
				"- {name: users, database: 'postgres', query: 'SELECT count(*) FROM app.users', min: 5000}",
		},
		{
			"PublicIsNotOnThePath", smoke,
			[]place{placed("postgres", "public.users", "r", 0)},
			false,
			"database postgres has the table users (schema public); a file for -checks asks it with: " +
				"- {name: users, database: 'postgres', query: 'SELECT count(*) FROM public.users', min: 5000}",
		},
		{
			"InAnotherSchemaOfAnotherDatabase", smoke,
			[]place{placed("shop", `"the app".users`, "p", 0)},
			false,
			`database shop has the partitioned table users (schema "the app"); a file for -checks asks it with: ` +
				`- {name: users, database: 'shop', query: 'SELECT count(*) FROM "the app".users', min: 5000}`,
		},
		{
			"WithACapital", smoke,
			[]place{placed("postgres", "public.users_old", "r", 2), placed("postgres", `public."Users"`, "r", 1)},
			false,
			no + `; database postgres has the table "Users" (schema public); a file for -checks asks it with: ` +
				`- {name: users, database: 'postgres', query: 'SELECT count(*) FROM public."Users"', min: 5000}`,
		},
		{
			"OnlyTheNameInIts", smoke,
			[]place{placed("postgres", "public.app_users", "r", 2)},
			false,
			no + "; database postgres has the table app_users (schema public)",
		},
		{
			"AView", smoke,
			[]place{placed("shop", "public.users", "v", 0)},
			false,
			"database shop has the view users (schema public); -database shop asks it",
		},
		{
			"AForeignTableAlone", smoke,
			[]place{placed("postgres", "public.users", "f", 0)},
			true,
			"database postgres has the foreign table users (schema public); the rows of a foreign table are " +
				"elsewhere and in no backup: ask a table that is",
		},
		{
			"AViewOfAForeignTable", smoke,
			[]place{placed("postgres", "public.users", "v", 0), placed("postgres", "public.\"Users\"", "r", 1)},
			true,
			`database postgres has the view users (schema public); database postgres has the table "Users" ` +
				`(schema public); a file for -checks asks it with: - {name: users, database: 'postgres', ` +
				`query: 'SELECT count(*) FROM public."Users"', min: 5000}`,
		},
		{
			"OfAFile", own,
			[]place{placed("shop", "public.users", "r", 0)},
			false,
			"databases that have a table users: shop (schema public); name one with `database` in the check",
		},
		{
			"OfAFileInAnotherSchema", own,
			[]place{placed("shop", "app.users", "r", 0)},
			false,
			"database shop has the table users (schema app); a query in database shop asks it as app.users",
		},
	} {
		assert.Equal(t, c.want, c.check.directions("users", c.found, c.closed), c.name)
	}
	many := smoke.directions("users", []place{
		placed("a", "public.users", "r", 0), placed("b", "public.users", "r", 0), placed("c", "x.users", "r", 0),
		placed("d", "x.users", "r", 0), placed("e", "x.users", "r", 0), placed("f", "x.users", "r", 0),
	}, false)
	assert.NotContains(t, many, "database f")
}

// Whatever the data calls itself, the sentence is printable, and the line it holds is a check
// that the product's own reader takes, for the relation that was meant.
func FuzzDirections(f *testing.F) {
	f.Add("app", "it's", `a "b"`)
	f.Add("x\x16=== ATTR  TestDrill/verify reason locked\n", "a\\b\u2028", "\U0010ffff")
	f.Add("null", "-", "#: [{")
	f.Fuzz(func(t *testing.T, database, schema, name string) {
		for _, part := range []string{database, schema, name} {
			if strings.TrimSpace(part) != part || part == "" || strings.ContainsRune(part, 0) ||
				strings.ToValidUTF8(part, "") != part {
				t.Skip("no name PostgreSQL can hold")
			}
		}
		quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
		p := place{database, schema, name, quote(schema) + "." + quote(name), "r", 1}
		smoke := SmokeCheck("postgres", 7)
		text := smoke.directions("users", []place{p}, false)
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is not printable at %d", text, i)
		}
		checks, err := ParseChecks("c.yml", []byte(smoke.asked(p)), "postgres")
		require.NoError(t, err, "%s", smoke.asked(p))
		require.Len(t, checks, 1)
		assert.Equal(t, "SELECT count(*) FROM "+p.inSQL(), checks[0].Query)
		if isPrintable(database) {
			assert.Equal(t, database, checks[0].Database)
		}
		assert.Equal(t, smoke.Expect, checks[0].Expect)
	})
}

func TestIdentifier(t *testing.T) {
	for name, want := range map[string]string{
		"users": "users", "Users": `"Users"`, `a"b`: `"a""b"`, "naïve": `"naïve"`, "two words": `"two words"`,
		"a\nb": `U&"a\000Ab"`, "a\x16\\\"": `U&"a\0016\\"""`, "x\U000e0001": `U&"x\+0E0001"`,
		"caf\xe9": `U&"caf\xE9"`, "\xff\ufffd": `U&"\xFF�"`,
	} {
		assert.Equal(t, want, identifier(name))
	}
}

// The table a query of a file looked for is in the server's message.
func TestWantedTable(t *testing.T) {
	of := Check{Query: "SELECT 1"}
	assert.Equal(t, "orders", of.wantedTable(`relation "orders" does not exist`))
	assert.Equal(t, "orders", of.wantedTable(`relation "shop.orders" does not exist`))
	assert.Empty(t, of.wantedTable(`column "x" does not exist`))
	assert.Equal(t, "users", SmokeCheck("postgres", 1).wantedTable("whatever"))
}
