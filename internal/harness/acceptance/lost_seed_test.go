package acceptance

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"veza.fr/recovery/internal/source"
)

// lost is a cluster whose backups each miss something that was there: a differential backup for each
// way to lose it, of a database that is mended after it.
var lost = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000}, "lost")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	if err = inOrder(
		func() error {
			return c.sql(ctx, "postgres", `ALTER SYSTEM SET autovacuum = off`, `SELECT pg_reload_conf()`,
				`CREATE DATABASE kept`, `CREATE DATABASE refusing`)
		},
		func() error { return c.sql(ctx, "kept", keptTables...) },
		func() error { return c.sql(ctx, "refusing", shadows...) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full", "--no-expire-auto") },
		func() error { return c.loseEach(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.archive(ctx) },
		func() error { return c.Stop(ctx) },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "lost", marks)
	if err == nil {
		for i, l := range losses {
			s.names[l.name] = s.backups[len(s.backups)-len(losses)+i].Label
		}
	}
	return liveSeed{c, s}, err
})

// keptTables have an index of every kind, and every kind of thing that has a file. Rows of frozen are in
// the visibility map, those of fresh in an index alone.
var keptTables = []string{
	`CREATE TABLE frozen (id int PRIMARY KEY, what text, list int[], place point, n int)`,
	`INSERT INTO frozen SELECT i, repeat(md5(i::text), 3), ARRAY[i, i + 1], point(i, i), i
		FROM generate_series(1, 3000) i`,
	`CREATE INDEX frozen_hash ON frozen USING hash (what)`, `CREATE INDEX frozen_gin ON frozen USING gin (list)`,
	`CREATE INDEX frozen_gist ON frozen USING gist (place)`, `CREATE INDEX frozen_spgist ON frozen USING spgist (what)`,
	`CREATE INDEX frozen_brin ON frozen USING brin (n) WITH (pages_per_range = 1)`,
	`CREATE MATERIALIZED VIEW summary AS SELECT * FROM frozen`, `CREATE SEQUENCE numbers`,
	`CREATE TABLE document (id int, body text)`, `ALTER TABLE document ALTER body SET STORAGE EXTERNAL`,
	`INSERT INTO document SELECT i, repeat(md5(i::text), 300) FROM generate_series(1, 50) i`,
	`VACUUM (FREEZE, ANALYZE)`,
	`CREATE TABLE fresh (id int PRIMARY KEY, what text)`,
	`INSERT INTO fresh SELECT i, repeat(md5(i::text), 3) FROM generate_series(1, 3000) i`,
	`UPDATE fresh SET what = 'b' WHERE id % 3 = 0`, `DELETE FROM fresh WHERE id % 7 = 0`,
	`CREATE MATERIALIZED VIEW unmade AS SELECT 1 WITH NO DATA`, `CREATE UNLOGGED TABLE visits (n int PRIMARY KEY)`,
	`INSERT INTO visits SELECT generate_series(1, 1000)`,
}

// shadows are what would take the place of the drill's own tools.
var shadows = []string{
	`CREATE SCHEMA veza_drill`,
	`CREATE FUNCTION veza_drill.bt_index_check(index regclass) RETURNS void LANGUAGE sql AS 'SELECT'`,
}

// loss is one way to lose what was there.
type loss struct {
	name, relation string
	how            func(file []byte) []byte // nil: the file is removed
	sql            []string                 // instead of a change to a file
}

func noPages([]byte) []byte { return nil }

var losses = []loss{
	{"nothing", "frozen", bytes.Clone, nil},
	{"indexgone", "frozen_gin", nil, nil},
	{"viewgone", "summary", nil, nil},
	{"sequencegone", "numbers", nil, nil},
	{"toastgone", "(SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 'document')", nil, nil},
	{"indexempty", "frozen_brin", noPages, nil},
}

// loseEach backs up every loss. The server has read its pages before and writes none: what is
// damaged is the file alone, as the backup reads it.
func (c *cluster) loseEach(ctx context.Context) error {
	for _, l := range losses {
		if err := c.lose(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (c *cluster) lose(ctx context.Context, l loss) error {
	path, err := c.relationFile(ctx, l.relation)
	if err != nil {
		return err
	}
	if err = c.sql(ctx, "kept", append(l.sql, `CHECKPOINT`)...); err != nil {
		return err
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if l.how == nil {
		err = os.Rename(path, path+".kept")
	} else {
		err = overwrite(path, l.how(whole))
	}
	if err == nil {
		err = c.Pgbackrest(ctx, "backup", "--type=diff", "--no-expire-auto", "--no-checksum-page")
	}
	if l.how == nil {
		return cmp.Or(err, os.Rename(path+".kept", path))
	}
	return cmp.Or(err, overwrite(path, whole))
}

// overwrite changes a file in place: the server has it open.
func overwrite(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return cmp.Or(err, file.Close())
}

// relationFile is the file of a relation of database kept.
func (c *cluster) relationFile(ctx context.Context, relation string) (string, error) {
	conn, err := c.connect(ctx, "kept")
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	if relation[0] != '(' {
		relation = "'" + relation + "'"
	}
	var file string
	err = conn.QueryRow(ctx, "SELECT pg_relation_filepath("+relation+")").Scan(&file)
	return filepath.Join(c.data(), file), err
}
