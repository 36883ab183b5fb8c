package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A value that the catalogs have of a setting is set as it stands, and hostile ones end no text.
func TestSetStatement(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"work_mem", "64kB", `SET "work_mem" = E'64kB'`},
		{"DateStyle", "ISO, DMY", `SET "DateStyle" = E'ISO, DMY'`},
		{"app.tenant", `it's \ his`, `SET "app"."tenant" = E'it''s \\ his'`},
		{"app.x", `\'; DROP TABLE users; --`, `SET "app"."x" = E'\\''; DROP TABLE users; --'`},
		{`a"b`, "\x00\xe9", "SET \"a\"\"b\" = E'\xe9'"},
		{"search_path", `Inner, "Outer, ""it"""`, `SET "search_path" = E'inner', E'Outer, "it"'`},
		{"search_path", "", `SET "search_path" = E''`},
		{"temp_tablespaces", "fast, slow", `SET "temp_tablespaces" = E'fast', E'slow'`},
	} {
		assert.Equal(t, c.want, setStatement(c.name, c.value))
	}
}

// "$user" is the superuser of the data, wherever it stands, and only as a name of its own.
func TestStandsFor(t *testing.T) {
	for path, want := range map[string]string{
		`"$user", public`:            `"boss", "public"`,
		`$user,public`:               `"boss", "public"`,
		`A , "$user" , "B c, ""d"""`: `"a", "boss", "B c, ""d"""`,
		"\xe9, \"$user\"":            "\"\xe9\", \"boss\"",
		`public`:                     "",
		`"$users", "x$user"`:         "",
		`""`:                         "",
		``:                           "",
	} {
		got, changed := standsFor(path, "boss")
		assert.Equal(t, want != "", changed, path)
		if changed {
			assert.Equal(t, want, got)
		}
	}
}
