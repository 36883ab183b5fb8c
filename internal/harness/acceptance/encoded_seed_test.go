package acceptance

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"veza.fr/recovery/internal/source"
)

// encoded is a cluster from before UTF-8: one database has Latin-1, and a name in it, another no encoding at all, as
// initdb makes them without a locale. Both have names that are no UTF-8. Its settings are of that time as well.
var encoded = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	options := []string{"--encoding=LATIN1", "--locale=C"}
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000, Initdb: options}, "encoded")
	if err != nil {
		return liveSeed{}, err
	}
	c.Settings = append(c.Settings, "standard_conforming_strings=off", "escape_string_warning=off")
	marks := map[string]mark{}
	s, err := c.settle(ctx, "encoded", marks,
		func() error { return c.Stop(ctx) },
		func() error { return c.Start(ctx) },
		func() error {
			return c.sql(ctx, "postgres", `CREATE DATABASE "`+latin+`" TEMPLATE template0`,
				`CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII'`)
		},
		func() error { return c.sql(ctx, latin, cafe...) },
		func() error { return c.sql(ctx, "bytes", cafe...) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=diff") }, // with the settings in it
		func() error { return c.goThrough(ctx, encodedStates) },
	)
	return liveSeed{c, s}, err
})

// latin is the name of a database, in Latin-1.
const latin = "b\xe9"

// cafe has a name in Latin-1 wherever there is one.
var cafe = strings.Split(strings.ReplaceAll(`CREATE TABLE "caf~" (id serial PRIMARY KEY, "pr~" text);
	INSERT INTO "caf~" ("pr~") SELECT 'e ' || i FROM generate_series(1, 500) i;
	CREATE UNIQUE INDEX "i~" ON "caf~" ("pr~"); CREATE VIEW "v~" AS SELECT * FROM "caf~";
	CREATE MATERIALIZED VIEW "m~" AS SELECT * FROM "caf~"; CREATE INDEX ON "m~" USING hash ("pr~")`, "~", "\xe9"), ";")

var encodedStates = []defect{
	{point: "names", database: latin}, withoutKey("latin", latin), withoutKey("bytes", "bytes"),
}

// withoutKey has the unique index of cafe be no valid one.
func withoutKey(point, database string) defect {
	const valid = "UPDATE pg_index SET indisvalid = %t WHERE indexrelid = '\"i\xe9\"'::regclass"
	return defect{point, database, []string{fmt.Sprintf(valid, false)}, []string{fmt.Sprintf(valid, true)}}
}
