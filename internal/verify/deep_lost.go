package verify

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/postgres/page"
	"veza.fr/recovery/internal/reason"
)

// tableKey names a table in all databases.
type tableKey struct {
	database string
	oid      uint32
}

// otherPages is why pages are not read as they lie on disk.
const otherPages = "pages of this cluster have another size, or another order of bytes"

// lostRows reads the pages of every table and index as they lie on disk, and looks for what points to
// nothing: a bit of a visibility map, an entry of an index, a page of an index. No expression, operator
// or function of the data is run for that, and no lock is taken.
func (d Deep) lostRows(ctx context.Context, s survey) (examination, error) {
	indexes := map[tableKey][]relation{}
	for _, r := range s.relations {
		if r.kind == "i" && r.valid {
			key := tableKey{r.database, r.table}
			indexes[key] = append(indexes[key], r)
		}
	}
	tables := s.of(func(r relation) bool { return r.kind != "i" && r.method == "heap" && !r.unlogged })
	if len(tables) == 0 {
		return examination{leftOut: "there is no table"}, nil
	}
	segment, err := d.readablePages(ctx, tables[0].database)
	if err != nil || segment == 0 {
		return examination{leftOut: otherPages}, err
	}
	unsaid, err := d.silentXids(ctx, s, tables)
	if err != nil {
		return examination{}, err
	}
	mutes, suspects, notes, err := d.lostMultixacts(ctx, tables[0].database, s.version)
	if err != nil {
		return examination{}, err
	}
	var told atomic.Bool // once is enough: every table would say the same
	examine := func(ctx context.Context, conn *pgx.Conn, r relation) ([]Outcome, string, error) {
		files := forkReader{conn, segment, s.doubtful}
		found, note, bad := lossesOf(ctx, files, r, indexes[tableKey{r.database, r.oid}])
		if bad != nil {
			return found, note, bad
		}
		updated, bad := lostUpdaters(ctx, files, r, suspects)
		found = append(found, updated...)
		if bad != nil || told.Load() {
			return found, note, bad
		}
		lost, bad := lostCommits(ctx, conn, r, unsaid, s.version)
		if len(lost) > 0 && told.Swap(true) {
			lost = nil
		}
		return append(found, lost...), note, bad
	}
	e, err := d.forEachRelation(ctx, s.workers(d.Workers), "tables with their indexes", tables, examine)
	e.findings, e.notes = append(mutes, e.findings...), append(notes, e.notes...)
	if !told.Load() {
		e.notes = append(e.notes, silentPages(unsaid)...)
	}
	if err != nil {
		return e, err
	}
	rows, locked, err := d.catalogRows(ctx, s.databases)
	e.findings, e.notes = append(rows, e.findings...), append(e.notes, locked...)
	return e, err
}

// readablePages writes everything to the files, once, so that they can be compared with each
// other. It returns the length of a whole file, or 0 where pages are not as they are read here.
func (d Deep) readablePages(ctx context.Context, database string) (segment int64, err error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return 0, err
	}
	defer closeConn(ctx, conn)
	if _, err = conn.Exec(ctx, "CHECKPOINT"); err != nil {
		return 0, err
	}
	var cut layout
	if err = conn.QueryRow(ctx, layoutQuery).Scan(&cut.block, &cut.segment); err != nil {
		return 0, err
	}
	const catalog = "SELECT pg_read_binary_file(pg_relation_filepath('pg_class'::regclass), 0, 8192)"
	var first []byte
	if err = conn.QueryRow(ctx, catalog).Scan(&first); err != nil || !page.Readable(first) {
		return 0, err
	}
	return cut.segment, nil
}

// lossesOf looks at one table and its indexes.
func lossesOf(ctx context.Context, files forkReader, table relation, indexes []relation) (
	found []Outcome, note string, err error,
) {
	heap, visibility, err := files.readHeap(ctx, table.file)
	if err != nil {
		return nil, "", err
	}
	gone, unmarked := heap.Invisible(visibility)
	if len(gone) > 0 {
		how := page.OnFreshPage
		if gone[0].Block >= heap.Blocks() {
			how = page.BeyondTheEnd
		}
		found = append(found, finding(reason.PageChecksum, fmt.Sprintf(
			"%s, and the visibility map says that it holds rows for all to see%s; %s",
			lostPlace(table, heap, gone[0], how), more(len(gone)-1, "page"), lookElsewhere)))
	}
	if unmarked > 0 {
		note = fmt.Sprintf("%s: %d pages are marked as visible to all in the map, and not on themselves: "+
			"count(*) may be wrong until VACUUM was there", table.title(), unmarked)
	}
	for _, index := range indexes {
		fault, err := lossOf(ctx, files, table, heap, index)
		if err != nil {
			return found, note, err
		}
		found = append(found, fault...)
	}
	return found, note, nil
}

// lookElsewhere is what to do about pages that are gone.
const lookElsewhere = "look for it on production's disk, and restore an older set"

// lossOf reads one index, and looks for what it points to.
func lossOf(ctx context.Context, files forkReader, table relation, heap *page.Heap, index relation) (
	found []Outcome, err error,
) {
	blocks, err := files.blocks(ctx, index.file)
	if err != nil {
		return nil, err
	}
	pages, known := page.NewIndex(index.method, blocks)
	if !known { // of an extension: its files are looked at, and no more
		return nil, nil
	}
	var first page.Place
	how, lost, rows := page.Kept, 0, heap.Known()
	keys, wanted := page.Keys{NullsDiffer: !index.nullsMeet}, index.unique && index.method == "btree"
	err = files.readFile(ctx, index.file, func(p page.Page) {
		if wanted {
			keys.Add(p)
		}
		pages.Add(p, func(at page.Place) {
			switch loss := heap.Lost(at); {
			case loss == page.Kept && index.method != "btree":
				rows.Add(at)
			case loss != page.Kept:
				if lost++; lost == 1 {
					first, how = at, loss
				}
			}
		})
	})
	if err != nil {
		return nil, err
	}
	if wanted {
		files.doubtful.Store(tableKey{index.database, index.oid}, keys.Doubtful())
	}
	if fault := pages.Fault(); fault != "" {
		found = append(found, finding(reason.IndexCorrupt,
			fmt.Sprintf("%s: %s; REINDEX it; look for its file on production's disk", index.title(), fault)))
	}
	switch {
	case lost == 0 && len(found) == 0:
		return rowsNotKnown(ctx, files.conn, table, index, rows.Rows)
	case lost == 0:
	case how == page.NotOnItsPage:
		found = append(found, finding(reason.IndexCorrupt, fmt.Sprintf(
			"%s points to row (%d,%d) of table %s, and there is none%s; run pg_amcheck on production",
			index.title(), first.Block, first.Item, table.name, more(lost-1, "row"))))
	default:
		found = append(found, finding(reason.PageChecksum, fmt.Sprintf(
			"%s, and index %s points to row (%d,%d) there%s; %s", lostPlace(table, heap, first, how), index.name,
			first.Block, first.Item, more(lost-1, "row"), lookElsewhere)))
	}
	return found, nil
}

// knownRows counts what an index must know of a table's rows: all, and of a hash index those that are
// not NULL. Others (a part of the table, an expression that may be NULL) are not counted; B-trees are
// compared by amcheck, row by row, and BRIN knows no rows.
const knownRows = `SELECT CASE WHEN m.amname IN ('gin', 'gist', 'spgist') THEN '*' WHEN m.amname = 'hash' THEN (
		SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]) END
	FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
	WHERE i.indexrelid = $1 AND i.indpred IS NULL`

// rowsNotKnown says whether an index knows fewer rows than its table has. It may know more: old
// versions of rows, and those of transactions that were prepared.
func rowsNotKnown(ctx context.Context, conn *pgx.Conn, table, index relation, known int64) ([]Outcome, error) {
	var what *string
	err := conn.QueryRow(ctx, knownRows, index.oid).Scan(&what)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && what == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	foreign, err := callsForeignCode(ctx, conn, table.oid)
	if err != nil || foreign {
		return nil, err
	}
	var rows int64
	err = asReader(ctx, conn, table.oid, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf("SELECT count(%s) FROM ONLY %s", *what, table.name)).Scan(&rows)
	})
	if err != nil {
		return passedOver(ctx, conn, table, err)
	}
	if rows <= known {
		return nil, nil
	}
	return []Outcome{finding(reason.IndexCorrupt, fmt.Sprintf(
		"%s knows %d rows of table %s, which has %d: queries that use it miss some; REINDEX it", index.title(), known,
		table.name, rows))}, nil
}

// lostPlace says of a table how one of its pages is gone.
func lostPlace(table relation, heap *page.Heap, at page.Place, how page.Loss) string {
	if how == page.BeyondTheEnd {
		return fmt.Sprintf("%s: page %d is gone: the file ends after %d pages", table.title(), at.Block, heap.Blocks())
	}
	return fmt.Sprintf("%s: page %d is full of zeroes", table.title(), at.Block)
}

func more(n int, what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " (and 1 more " + what + ")"
	}
	return fmt.Sprintf(" (and %d more %ss)", n, what)
}
