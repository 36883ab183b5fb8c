package standby_test

import (
	"context"
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/source"
)

// everyKind has a column of every way to compare one.
var everyKind = []string{
	`CREATE TYPE mood AS ENUM ('low', 'high')`, `CREATE DOMAIN feeling AS mood`, `CREATE ROLE reader`,
	`CREATE TYPE place AS (x int, y int)`, `CREATE TYPE moody AS (m mood, n int)`,
	`CREATE TABLE kinds (id int PRIMARY KEY, r regclass, p regproc[], m mood, f feeling, ms mood[], a aclitem[],
		w aclitem, d bytea, t timestamptz, g float8, n numeric, j jsonb, i interval, x xml, y money, e text[],
		v int4range, c place)`,
	`INSERT INTO kinds SELECT i, 'pg_class', ARRAY['now', 'pg_backend_pid']::regproc[], 'low', 'high', '{low,NULL}',
		'{reader=r/postgres}', 'reader=r/postgres', '\x00ff', now(), random(), i / 7.0, '{"a": 1}', '1 day', '<a/>',
		3::money, '{x}', '[1,5)', ROW(i, 2)::place FROM generate_series(1, 100) i`,
	`ALTER TABLE kinds ADD late mood DEFAULT 'high'`,
	`CREATE TABLE nested (m moody)`, `INSERT INTO nested VALUES (('low', 1))`, `ANALYZE`,
}

// asked is what a server says of every table of a database, without what it leaves out.
func asked(t *testing.T, config *pgx.ConnConfig, seeds compare.Seeds) compare.Side {
	t.Helper()
	config = config.Copy()
	maps.Copy(config.RuntimeParams, compare.Parameters)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	open := func(ctx context.Context, database string) (*pgx.Conn, error) {
		one := config.Copy()
		if database != "" {
			one.Database = database
		}
		return pgx.ConnectConfig(ctx, one)
	}
	side, err := compare.State(t.Context(), open, compare.Listing{})
	require.NoError(t, err)
	require.NoError(t, compare.Asker{
		Connect: open, Workers: 2, Seeds: seeds, Begin: compare.Begin, End: compare.End,
	}.Digest(t.Context(), &side, compare.Parts(side.Objects)))
	return side
}

// named is the digest of a small table.
func named(t *testing.T, side compare.Side, name string) compare.Digest {
	t.Helper()
	for part, d := range side.Digests {
		if side.Objects[part.ID].Name == name && part.Database == "postgres" {
			return d
		}
	}
	t.Fatalf("%s was not asked for: %v", name, side.LeftOut)
	return compare.Digest{}
}

// Every type is compared, or named. What changes only the names that a type looks up is no other row, in the samples of
// ANALYZE as well; what changes a value is one.
func TestKinds(t *testing.T) {
	s := production(t)
	conn, err := s.Connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // what was written is committed
	require.NoError(t, source.Each(t.Context(), conn, everyKind))
	seeds := compare.NewSeeds()
	before := asked(t, conn.Config(), seeds)
	assert.Empty(t, before.LeftOut)
	for _, o := range before.Objects {
		switch {
		case o.Name == "public.nested":
			assert.Equal(t, []string{"m"}, o.NotCompared())
		case o.Blocks > 0:
			assert.Empty(t, o.NotCompared(), o.Name)
		}
	}
	shape := func(side compare.Side) (of string) {
		for _, o := range side.Objects {
			if o.Name == "public.kinds" {
				of = o.Shape
			}
		}
		return of
	}

	t.Run("NamesAreNoRows", func(t *testing.T) {
		require.NoError(t, source.Each(t.Context(), conn, []string{
			`ALTER TYPE mood RENAME VALUE 'low' TO 'blue'`, `ALTER ROLE reader RENAME TO writer`,
		}))
		after := asked(t, conn.Config(), seeds)
		for _, table := range []string{"public.kinds", "pg_catalog.pg_statistic", "pg_catalog.pg_attribute"} {
			assert.Equal(t, named(t, before, table), named(t, after, table), table)
		}
		assert.NotEqual(t, named(t, before, "pg_catalog.pg_enum"), named(t, after, "pg_catalog.pg_enum"))
		assert.Equal(t, shape(before), shape(after))
	})
	t.Run("ValuesAre", func(t *testing.T) {
		var last compare.Digest
		for i, change := range []string{
			`id = id`, `id = id`, `r = 'pg_type'`, `p[1] = 'version'`, `m = 'high'`, `f = 'blue'`, `ms = '{high,NULL}'`,
			`d = '\x00fe'`, `w = 'writer=w/postgres'`, `a = '{writer=w/postgres}'`, `late = 'blue'`,
			`c = ROW(1, 3)::place`, `g = g + 1e-9`,
		} {
			require.NoError(t, source.Each(t.Context(), conn, []string{ // each row stands where it stood
				`BEGIN`, `CREATE TEMP TABLE was AS SELECT * FROM kinds`, `UPDATE was SET ` + change + ` WHERE id = 1`,
				`TRUNCATE kinds`, `INSERT INTO kinds SELECT * FROM was ORDER BY id`, `DROP TABLE was`, `COMMIT`,
			}))
			changed := named(t, asked(t, conn.Config(), seeds), "public.kinds")
			assert.EqualValues(t, 100, changed.Rows, change)
			switch i {
			case 0:
			case 1:
				assert.Equal(t, last.Sums, changed.Sums, "the same")
			default:
				assert.NotEqual(t, last.Sums, changed.Sums, change)
			}
			last = changed
		}
	})
	t.Run("ACompositeChangesTheText", func(t *testing.T) {
		require.NoError(t, source.Each(t.Context(), conn, []string{`ALTER TYPE place ADD ATTRIBUTE z int`}))
		assert.NotEqual(t, shape(before), shape(asked(t, conn.Config(), seeds)))
	})
	t.Run("NoLibrary", func(t *testing.T) {
		require.NoError(t, source.Each(t.Context(), conn, []string{
			`SET allow_system_table_mods = on`,
			`CREATE TYPE far`,
			`CREATE FUNCTION far_in(cstring) RETURNS far IMMUTABLE STRICT LANGUAGE internal AS 'int4in'`,
			`CREATE FUNCTION far_out(far) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int4out'`,
			`CREATE TYPE far (INPUT = far_in, OUTPUT = far_out, LIKE = int4)`,
			`CREATE TABLE away (f far)`, `INSERT INTO away VALUES ('1')`,
			`UPDATE pg_proc SET prolang = 13, probin = '$libdir/not_here', prosrc = 'far_out'
				WHERE proname = 'far_out'`,
		}))
		side := asked(t, conn.Config(), seeds)
		require.Len(t, side.LeftOut, 1)
		assert.Equal(t, "public.away in database postgres: it cannot be asked for its rows here (SQLSTATE 58P01)",
			side.LeftOut[0].String())
	})
}

// A row whose text would be larger than a server can hold is compared by its columns, a bytea that is larger as text
// than it is by a checksum. No cast of the data runs.
func TestKinds_OverAGigabyte(t *testing.T) {
	s := production(t)
	conn, err := s.Connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // what was written is committed
	require.NoError(t, source.Each(t.Context(), conn, []string{
		`CREATE TYPE pair AS (x int, y int)`,
		`CREATE FUNCTION written(pair) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'a cast of the data ran'; END$$`,
		`CREATE CAST (pair AS text) WITH FUNCTION written(pair)`,
		`CREATE TABLE large (id int, a text, b text, d bytea, p pair)`,
		`INSERT INTO large SELECT 1, repeat('a', 300000000), repeat('b', 300000000),
			convert_to(repeat('d', 300000000), 'UTF8'), ROW(1, NULL)::pair`,
	}))
	seeds := compare.NewSeeds()
	before := asked(t, conn.Config(), seeds)
	assert.Empty(t, before.LeftOut)
	d := named(t, before, "public.large")
	assert.EqualValues(t, 1, d.Rows)
	assert.Empty(t, d.Unread)
	require.NoError(t, source.Each(t.Context(), conn, []string{
		`TRUNCATE large`,
		`INSERT INTO large SELECT 1, repeat('a', 300000000), repeat('b', 300000000),
			convert_to(repeat('d', 300000001), 'UTF8'), ROW(1, NULL)::pair`,
	}))
	other := named(t, asked(t, conn.Config(), seeds), "public.large")
	assert.EqualValues(t, 1, other.Rows)
	assert.NotEqual(t, d.Sums, other.Sums)
}

// A role that row-level security hides rows from leaves the table out, by name; one that may bypass it does not.
func TestKinds_RowLevelSecurity(t *testing.T) {
	s := production(t)
	conn, err := s.Connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(context.Background()) //nolint:errcheck // what was written is committed
	require.NoError(t, source.Each(t.Context(), conn, []string{
		`CREATE TABLE guarded (id int)`, `INSERT INTO guarded VALUES (1)`,
		`ALTER TABLE guarded ENABLE ROW LEVEL SECURITY`,
		`CREATE ROLE reader LOGIN IN ROLE pg_read_all_data`, `CREATE ROLE may LOGIN BYPASSRLS IN ROLE pg_read_all_data`,
	}))
	config := conn.Config().Copy()
	config.User = "reader"
	side := asked(t, config, compare.NewSeeds())
	require.Len(t, side.LeftOut, 1)
	assert.Contains(t, side.LeftOut[0].String(), "public.guarded in database postgres: the role may not read all of it")
	assert.True(t, side.LeftOut[0].Denied)
	config.User = "may"
	side = asked(t, config, compare.NewSeeds())
	assert.Empty(t, side.LeftOut)
	assert.EqualValues(t, 1, named(t, side, "public.guarded").Rows)
}
