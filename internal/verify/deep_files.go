package verify

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// storedRelation is one relation the catalog promises a file of.
type storedRelation struct {
	name     string // quoted, with its schema
	kind     string // pg_class.relkind
	method   string // access method; "" of a sequence
	file     string // of its first gigabyte, below the data directory
	built    bool   // of an index: it was built, and so has a page
	unlogged bool   // emptied by every crash, and every restore
	pages    int64  // pg_class.relpages: as many as there were when somebody looked last
	blank    bool   // of a sequence: its page is not one of a sequence
}

// fileSizes are the lengths of files below the data directory: by the name of the first of a
// fork, and the number of each.
type fileSizes map[string]map[int]int64

func (s fileSizes) add(name string, size int64) {
	first, number, _ := strings.Cut(name, ".")
	n, _ := strconv.Atoi(number) // "" is 0, the first
	if s[first] == nil {
		s[first] = map[int]int64{}
	}
	s[first][n] = size
}

// layout is how the cluster cuts relations into pages and files.
type layout struct {
	block   int64 // bytes of a page
	segment int64 // bytes of a whole file, a gigabyte
}

const layoutQuery = `SELECT b.setting::bigint, b.setting::bigint * s.setting::bigint
	FROM pg_settings b, pg_settings s WHERE b.name = 'block_size' AND s.name = 'segment_size'`

// storedQuery lists what has a file by the rules of PostgreSQL's own storage: access methods of
// extensions may keep theirs elsewhere. What all databases share is asked of one ($1).
const storedQuery = `SELECT format('%I.%I', n.nspname, c.relname), c.relkind::text, coalesce(a.amname::text, ''),
	pg_relation_filepath(c.oid), coalesce(i.indisready, true),
	c.relpersistence = 'u', c.relpages::bigint
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_am a ON a.oid = c.relam LEFT JOIN pg_index i ON i.indexrelid = c.oid
	WHERE c.relkind IN ('r', 'm', 'i', 't', 'S') AND c.relpersistence <> 't' AND pg_relation_filepath(c.oid) IS NOT NULL
		AND (c.relam = 0 OR c.relam::bigint < ` + firstUserOID + `) AND ($1 OR NOT c.relisshared) ORDER BY 1`

// sizesQuery lists the files of relations in some directories: of the rows and of the visibility map.
const sizesQuery = `SELECT d || '/' || f, (pg_stat_file(d || '/' || f, true)).size
	FROM unnest($1::text[]) d, LATERAL pg_ls_dir(d, true, false) f WHERE f ~ '^[0-9]+(_vm)?([.][0-9]+)?$'`

// files compares what the catalogs promise with the files that are there.
func (d Deep) files(ctx context.Context, s survey) (e examination, err error) {
	seen := 0
	for i, database := range s.databases {
		relations, sizes, cut, err := d.filesOf(ctx, database, i == 0)
		if err != nil {
			return e, fmt.Errorf("database %s: %w", database, err)
		}
		seen += len(relations)
		for _, r := range relations {
			who := fmt.Sprintf("%s %s in database %s: ", kinds[r.kind], r.name, database)
			fault, note := r.judge(sizes, cut)
			if fault != nil {
				fault.Sentence = who + fault.Sentence
				e.findings = append(e.findings, *fault)
			}
			if note != "" {
				e.notes = append(e.notes, who+note)
			}
		}
	}
	if len(s.databases) > 0 {
		lost, unknown, err := d.lostDirectories(ctx, s.databases[0])
		if err != nil {
			return e, err
		}
		e.findings, e.notes = append(e.findings, lost...), append(unknown, e.notes...)
	}
	e.notes = shortened(e.notes)
	e.examined = fmt.Sprintf("files of %d relations in %d databases", seen, len(s.databases))
	return e, nil
}

// filesOf asks one database for what it promises, and the server for what there is.
func (d Deep) filesOf(ctx context.Context, database string, shared bool) (
	list []storedRelation, sizes fileSizes, cut layout, err error,
) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return nil, nil, cut, err
	}
	defer closeConn(ctx, conn)
	if shared { // the first database: what was replayed is in the files of all of them after that
		if _, err = conn.Exec(ctx, "CHECKPOINT"); err != nil {
			return nil, nil, cut, err
		}
	}
	if err = conn.QueryRow(ctx, layoutQuery).Scan(&cut.block, &cut.segment); err != nil {
		return nil, nil, cut, err
	}
	rows, err := conn.Query(ctx, storedQuery, shared)
	if err != nil {
		return nil, nil, cut, err
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r storedRelation, err error) {
		return r, row.Scan(&r.name, &r.kind, &r.method, &r.file, &r.built, &r.unlogged, &r.pages)
	})
	if err != nil {
		return nil, nil, cut, err
	}
	if err = blankSequences(ctx, conn, list, cut.block); err != nil {
		return nil, nil, cut, err
	}
	sizes, err = sizesIn(ctx, conn, directories(list))
	return list, sizes, cut, err
}

// blankQuery wants of each sequence's file ($1) the mark in the last eight bytes of its page ($2 bytes),
// where the alignment and the order of bytes of the machine put it (SEQ_MAGIC in sequence.c).
const blankQuery = `SELECT f FROM unnest($1::text[]) f,
	LATERAL (SELECT pg_read_binary_file(f, 0, $2::bigint, true) AS page OFFSET 0) p
	WHERE length(page) = $2 AND position('\x17170000'::bytea IN substr(page, $2::int - 7)) = 0
		AND position('\x00001717'::bytea IN substr(page, $2::int - 7)) = 0`

// blankSequences finds sequences whose page is there and holds no sequence: nextval() fails, and
// nothing else may ever read it.
func blankSequences(ctx context.Context, conn *pgx.Conn, list []storedRelation, block int64) error {
	at := map[string]int{}
	for i, r := range list {
		if r.kind == "S" {
			at[r.file] = i
		}
	}
	if len(at) == 0 {
		return nil
	}
	rows, err := conn.Query(ctx, blankQuery, slices.Collect(maps.Keys(at)), block)
	if err != nil {
		return err
	}
	blank, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, file := range blank {
		list[at[file]].blank = true
	}
	return err
}

// directories are where the relations' files are, each once.
func directories(list []storedRelation) (found []string) {
	seen := map[string]bool{}
	for _, r := range list {
		if directory := path.Dir(r.file); !seen[directory] {
			seen[directory] = true
			found = append(found, directory)
		}
	}
	return found
}

func sizesIn(ctx context.Context, conn *pgx.Conn, directories []string) (fileSizes, error) {
	rows, err := conn.Query(ctx, sizesQuery, directories)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sizes := fileSizes{}
	for rows.Next() {
		var name string
		var size *int64
		if err := rows.Scan(&name, &size); err != nil {
			return nil, err
		}
		if size != nil { // gone in between
			sizes.add(name, *size)
		}
	}
	return sizes, rows.Err()
}

// judge says what is wrong with the files of one relation, and what is only strange: pg_class may
// be behind a table that VACUUM made shorter just before the end of the archive.
func (r storedRelation) judge(sizes fileSizes, cut layout) (*Outcome, string) {
	fault := func(format string, args ...any) *Outcome {
		why := reason.PageChecksum
		if r.kind == "i" {
			why = reason.IndexCorrupt
		}
		o := finding(why, fmt.Sprintf(format, args...)+"; look for it on production's disk, and restore an older set")
		return &o
	}
	if len(sizes[r.file]) == 0 {
		return fault("its file %s is missing", r.file), ""
	}
	length, text := sizes.length(r.file, cut)
	if text == "" && len(sizes[r.file+"_vm"]) > 0 {
		_, text = sizes.length(r.file+"_vm", cut)
	}
	switch pages := length / cut.block; {
	case text != "":
		return fault("%s", text), ""
	case r.kind == "S" && pages != 1:
		return fault("its file %s has %d pages, and a sequence has one", r.file, pages), ""
	case r.blank && r.unlogged:
		return nil, "it is UNLOGGED, and PostgreSQL does not bring back one that was made, or set so, after the " +
			"backup: nextval() fails there until it is made anew, or a newer backup is restored"
	case r.blank:
		return fault("the page in its file %s is not one of a sequence", r.file), ""
	case r.kind == "i" && r.built && pages == 0:
		return fault("its file %s is empty, and an index that was built never is", r.file), ""
	case r.kind != "S" && !r.unlogged && r.pages > pages:
		return nil, fmt.Sprintf("its file %s has %d pages, and had %d when it was vacuumed or analyzed last: "+
			"it was made shorter right before the end of the archive, or has lost them", r.file, pages, r.pages)
	}
	return nil, ""
}

// length adds up the files of one fork. Its last ones may be empty: what was made shorter keeps
// them. Anything after a file that is not whole is damage, and so is half a page.
func (s fileSizes) length(file string, cut layout) (length int64, fault string) {
	last := 0
	for i, size := range s[file] {
		if size > 0 {
			last = max(last, i)
		}
	}
	for i := 0; i <= last; i++ {
		name := segmentName(file, i)
		size, there := s[file][i]
		switch {
		case !there:
			return 0, fmt.Sprintf("its file %s is missing, and %s is there", name, segmentName(file, last))
		case i < last && size != cut.segment:
			return 0, fmt.Sprintf("its file %s has %d bytes, not %d, and %s is there", name, size, cut.segment,
				segmentName(file, last))
		case size%cut.block != 0 || size > cut.segment:
			return 0, fmt.Sprintf("its file %s has %d bytes: pages have %d, and a file at most %d", name, size,
				cut.block, cut.segment)
		}
		length += size
	}
	return length, ""
}

// segmentName is the file of the n-th gigabyte of a fork.
func segmentName(file string, n int) string {
	if n == 0 {
		return file
	}
	return fmt.Sprintf("%s.%d", file, n)
}
