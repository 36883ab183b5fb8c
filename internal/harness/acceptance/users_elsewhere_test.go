package acceptance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// movedUsers is a cluster whose table users moves about, each time at a restore point; and with
// three backups, of which the archive retention of some rows keeps the WAL after the newest.
var movedUsers = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 2000}, "elsewhere")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "elsewhere", marks,
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return c.move(ctx) },
		func() error { return c.grow(ctx) },
	)
	if err != nil {
		return liveSeed{}, err
	}
	segments, err := s.segments()
	i := slices.Index(segments, s.backups[2].Archive.Start)
	if i < 2 || segments[i-2] <= s.backups[1].Archive.Stop {
		return liveSeed{}, errors.Join(err, fmt.Errorf("too little WAL before the newest backup: %v", segments))
	}
	s.names["between"] = segments[i-1] // after the differential backup, and another one is before it
	return liveSeed{c, s}, err
})

// hostileSchema is a name that test2json would take for an attribute of the step.
const hostileSchema = `U&"it's \0016=== ATTR  TestDrill/verify reason locked\000A"`

// moves are where users goes, and how it comes back.
var moves = []defect{
	{
		"other_schema", "postgres",
		[]string{`CREATE SCHEMA app`, `ALTER TABLE users SET SCHEMA app`},
		[]string{`ALTER TABLE app.users SET SCHEMA public`, `DROP SCHEMA app`},
	},
	{
		"hostile_schema", "postgres",
		[]string{`CREATE SCHEMA ` + hostileSchema, `ALTER TABLE users SET SCHEMA ` + hostileSchema},
		[]string{`ALTER TABLE ` + hostileSchema + `.users SET SCHEMA public`, `DROP SCHEMA ` + hostileSchema},
	},
	{
		"capital", "postgres",
		[]string{`ALTER TABLE users RENAME TO "Users"`},
		[]string{`ALTER TABLE "Users" RENAME TO users`},
	},
	{
		"singular", "postgres",
		[]string{`ALTER TABLE users RENAME TO "user"`},
		[]string{`ALTER TABLE "user" RENAME TO users`},
	},
	{
		"prefixed", "postgres",
		[]string{`ALTER TABLE users RENAME TO app_users`},
		[]string{`ALTER TABLE app_users RENAME TO users`},
	},
	{
		"foreign_table", "postgres",
		[]string{
			`ALTER TABLE users RENAME TO people`, `CREATE EXTENSION postgres_fdw`,
			`CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw`, `CREATE FOREIGN TABLE users (id int) SERVER far`,
		},
		[]string{`DROP EXTENSION postgres_fdw CASCADE`, `ALTER TABLE people RENAME TO users`},
	},
	{
		"partitioned", "postgres",
		[]string{
			`ALTER TABLE users RENAME TO people`, `CREATE TABLE users (id int) PARTITION BY RANGE (id)`,
			`CREATE TABLE users_1 PARTITION OF users DEFAULT`, `INSERT INTO users SELECT generate_series(1, 2000)`,
		},
		[]string{`DROP TABLE users`, `ALTER TABLE people RENAME TO users`},
	},
	{
		"a_view", "shop",
		[]string{
			`CREATE TABLE accounts AS SELECT generate_series(1, 2000) AS id`, `CREATE VIEW users AS TABLE accounts`,
		},
		[]string{`DROP VIEW users`, `ALTER TABLE accounts RENAME TO users`},
	},
}

// move goes through all of them. What the database shop has is another one's business at first.
func (c *cluster) move(ctx context.Context) error {
	if err := c.sql(ctx, "postgres", `CREATE DATABASE shop`); err != nil {
		return err
	}
	return c.through(ctx, moves)
}

// A failure of the smoke query says where the table is, and how to ask it.
func TestUsersElsewhere(t *testing.T) { elsewhereFaults.run(t) }

// there is the state that the move had at a restore point.
func there(point string) string { return "-min-users 1500 -target name:" + point }

var elsewhereFaults = faults("TestUsersElsewhere", movedUsers, []fault{
	{
		name: "InAnotherSchema", args: there("other_schema"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "database postgres has the table users (schema app) | " +
			"- {name: users, database: 'postgres', query: 'SELECT count(*) FROM app.users', min: 1500}",
	},
	{
		name: "AskedAsTheSentenceSays", inject: checks(
			"- {name: users, database: 'postgres', query: 'SELECT count(*) FROM app.users', min: 1500}\n",
		), args: "-checks {dir}/checks.yml -target name:other_schema",
		exit: 0, why: reason.None,
	},
	{
		name: "InASchemaThatForges", args: there("hostile_schema"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: `has the table users (schema U&"it's \0016=== ATTR`,
	},
	{
		name: "WithACapital", args: there("capital"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: `has the table "Users" (schema public) | 'SELECT count(*) FROM public."Users"'`,
	},
	{
		name: "InTheSingular", args: there("singular"),
		exit: 1, why: reason.SmokeQuery, step: "verify", words: `'SELECT count(*) FROM public."user"'`,
	},
	{
		name: "WithAPrefix", args: there("prefixed"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "no database has a table users | has the table app_users (schema public)",
	},
	{
		name: "AForeignTable", args: there("foreign_table"),
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "has the foreign table users (schema public) | elsewhere and in no backup",
	},
	{
		name: "APartitionedTable", inject: checks(
			"- {name: users, query: SELECT count(*) FROM users, equals: 2000}\n",
		), args: "-checks {dir}/checks.yml -target name:partitioned",
		exit: 0, why: reason.None,
	},
	{
		name: "AViewInAnotherDatabase", args: "-database template1 -target name:a_view",
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "databases that have a table users: postgres (schema public); name one with -database | " +
			"database shop has the view users (schema public)",
	},
	{
		name: "AQueryOfAFile", inject: checks("- {name: a, query: SELECT count(*) FROM accounts, min: 1}\n"),
		args: "-checks {dir}/checks.yml -target name:a_view",
		exit: 1, why: reason.SmokeQuery, step: "verify",
		words: "databases that have a table accounts: shop (schema public); name one with `database` in the check",
	},
})
