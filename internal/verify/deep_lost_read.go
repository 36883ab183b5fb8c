package verify

import (
	"context"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/postgres/page"
)

// chunk is what is read of a file at a time.
const chunk = 4 << 20

// headsQuery reads of each page of a part of a file only its header and line pointers: where rows
// are, and not the rows.
const headsQuery = `SELECT string_agg(substr(c, o + 1,
		greatest(24, least(8192, get_byte(c, o + 12) + 256 * get_byte(c, o + 13)))), ''::bytea)
	FROM (SELECT pg_read_binary_file($1, $2, $3, true) AS c OFFSET 0) f, generate_series(0, length(c) - 8192, 8192) o`

const pagesQuery = `SELECT pg_read_binary_file($1, $2, $3, true)`

// forkReader reads files of relations through a session of the server.
type forkReader struct {
	conn    *pgx.Conn
	segment int64 // bytes of a whole file
}

// readHeap reads where the rows of a table are, and its visibility map.
func (f forkReader) readHeap(ctx context.Context, file string) (heap *page.Heap, visibility []byte, err error) {
	heap = &page.Heap{}
	err = f.eachChunk(ctx, headsQuery, file, func(heads []byte) (int, error) {
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
	return f.eachChunk(ctx, pagesQuery, file, func(part []byte) (pages int, err error) {
		for ; len(part) >= page.Size; part = part[page.Size:] {
			take(part[:page.Size])
			pages++
		}
		return pages, nil
	})
}

// eachChunk asks for a fork part by part, through all its files. take says how many pages were in a
// part: fewer than were asked for are the end of a file, and a file that is not whole is the last.
func (f forkReader) eachChunk(ctx context.Context, query, file string, take func([]byte) (int, error)) error {
	for segment := 0; ; segment++ {
		for offset := int64(0); offset < f.segment; {
			length := min(chunk, f.segment-offset)
			var part []byte
			err := f.conn.QueryRow(ctx, query, segmentName(file, segment), offset, length).Scan(&part)
			if err != nil {
				return err
			}
			pages, err := take(part)
			if err != nil {
				return err
			}
			if int64(pages) < length/page.Size {
				return nil
			}
			offset += length
		}
	}
}
