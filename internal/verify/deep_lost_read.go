package verify

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/postgres/page"
)

// fileQuery reads a file ($1) in parts that are small enough for the server to take their memory from one
// pocket and put it back; one that is not there has none. The %s says what is wanted of part c.
const fileQuery = `SELECT (SELECT %s FROM (SELECT pg_read_binary_file($1, part, 262144, true) AS c OFFSET 0) f%s)
	FROM generate_series(0, (SELECT size FROM pg_stat_file($1, true)) - 1, 262144) part`

var (
	// headsQuery wants of each page only its header and line pointers: where rows are, and not the rows.
	headsQuery = fmt.Sprintf(fileQuery, `string_agg(substr(c, o + 1,
		greatest(24, least(8192, get_byte(c, o + 12) + 256 * get_byte(c, o + 13)))), ''::bytea)`,
		", generate_series(0, length(c) - 8192, 8192) o")
	pagesQuery = fmt.Sprintf(fileQuery, "c", "")
)

// forkReader reads files of relations through a session of the server.
type forkReader struct {
	conn     *pgx.Conn
	segment  int64     // bytes of a whole file
	doubtful *sync.Map // see survey
}

// readHeap reads where the rows of a table are, and its visibility map.
func (f forkReader) readHeap(ctx context.Context, file string) (heap *page.Heap, visibility []byte, err error) {
	heap = &page.Heap{}
	err = f.eachPart(ctx, headsQuery, file, func(heads []byte) (int, error) {
		before := heap.Blocks()
		bad := heap.Add(heads)
		return int(heap.Blocks() - before), bad
	})
	if err != nil {
		return nil, nil, err
	}
	err = f.readFile(ctx, file+"_vm", func(p page.Page) { visibility = append(visibility, p...) })
	return heap, visibility, err
}

// readFile reads every page of a fork in the order of its files. One that is not there has none.
func (f forkReader) readFile(ctx context.Context, file string, take func(page.Page)) error {
	return f.eachPart(ctx, pagesQuery, file, func(part []byte) (pages int, err error) {
		for ; len(part) >= page.Size; part = part[page.Size:] {
			take(part[:page.Size])
			pages++
		}
		return pages, nil
	})
}

// eachPart asks for a fork part by part, through all its files. take says how many pages were in a
// part, and may not keep it. A file that is not whole is the last.
func (f forkReader) eachPart(ctx context.Context, query, file string, take func([]byte) (int, error)) error {
	for segment := 0; ; segment++ {
		pages, err := f.eachPartOf(ctx, query, segmentName(file, segment), take)
		if err != nil || int64(pages)*page.Size < f.segment {
			return err
		}
	}
}

func (f forkReader) eachPartOf(ctx context.Context, query, file string, take func([]byte) (int, error)) (
	pages int, err error,
) {
	rows, err := f.conn.Query(ctx, query, pgx.QueryResultFormats{pgx.BinaryFormatCode}, file)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n, err := take(rows.RawValues()[0])
		if err != nil {
			return pages, err
		}
		pages += n
	}
	return pages, rows.Err()
}

// blocks is the number of pages of a relation's first fork.
func (f forkReader) blocks(ctx context.Context, file string) (blocks uint32, err error) {
	for segment := 0; ; segment++ {
		var size int64
		err = f.conn.QueryRow(ctx, "SELECT coalesce((SELECT size FROM pg_stat_file($1, true)), 0)",
			segmentName(file, segment)).Scan(&size)
		blocks += uint32(size / page.Size)
		if err != nil || size < f.segment {
			return blocks, err
		}
	}
}
