package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
)

// PostgreSQL's log of commits, pg_xact, has two bits a transaction (clog.c); all zeroes is what a crash leaves of one.
const (
	xidsAByte    = 4
	xidsAFile    = 32 * 8192 * xidsAByte
	silence      = 16 // bytes: 64 transactions in a row
	firstXid     = 3  // those before have no entry
	xidsAnEpoch  = 1 << 32
	commitsQuery = `SELECT name, pg_read_binary_file('pg_xact/' || name) FROM pg_ls_dir('pg_xact') name
		WHERE name ~ '^[0-9A-F]{4}$' ORDER BY name`
)

// xids are transactions in a row, by their numbers.
type xids struct{ first, last int64 }

// silent are the transactions before next of which a file of pg_xact, whose first one is given, says nothing at all, 64
// in a row at least: what a disk loses is more, and fewer are ordinary after a crash.
func silent(file []byte, first, next int64) (ranges []xids) {
	for ; len(file) > 0; file, first = file[min(silence, len(file)):], first+silence*xidsAByte {
		if first >= next {
			break
		}
		if !zeroes(file[:min(silence, len(file))]) {
			continue
		}
		r := xids{max(first, firstXid), min(first+silence*xidsAByte, next) - 1}
		if n := len(ranges); n > 0 && ranges[n-1].last == r.first-1 {
			ranges[n-1].last = r.last
			continue
		}
		ranges = append(ranges, r)
	}
	return ranges
}

func zeroes(text []byte) bool {
	for _, b := range text {
		if b != 0 {
			return false
		}
	}
	return true
}

// silentXids reads pg_xact as it lies on disk, after a checkpoint. It is ordinary that it says nothing of transactions
// which a crash ended. Beyond four billion transactions a number stands for several, of which old ones are frozen in
// rows: nothing can be said then.
func (d Deep) silentXids(ctx context.Context, database string) (ranges []xids, err error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	var next int64
	err = conn.QueryRow(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Scan(&next)
	if err != nil || next >= xidsAnEpoch {
		return nil, err
	}
	rows, err := conn.Query(ctx, commitsQuery)
	if err != nil {
		return nil, err
	}
	var name string
	var file []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &file}, func() error {
		number, failed := strconv.ParseInt(name, 16, 64)
		if failed == nil {
			ranges = append(ranges, silent(file, number*xidsAFile, next)...)
		}
		return failed
	})
	return ranges, err
}

// committedQuery finds a row that everybody sees although pg_xact says nothing of the transaction that made it. That it
// is seen comes from the row itself: somebody read it while pg_xact still knew, and left a hint there. Rows that nobody
// had read are not seen any more.
const committedQuery = `SELECT x, lo, hi FROM (SELECT xmin::text::bigint AS x FROM ONLY %s) t
	JOIN unnest($1::bigint[], $2::bigint[]) r(lo, hi) ON x BETWEEN lo AND hi LIMIT 1`

// lostCommits says whether a row of a table contradicts what pg_xact says nothing of.
func lostCommits(ctx context.Context, conn *pgx.Conn, table relation, ranges []xids) ([]Outcome, error) {
	if len(ranges) == 0 || table.kind == "t" {
		return nil, nil
	}
	foreign, err := callsForeignCode(ctx, conn, table.oid)
	if err != nil || foreign {
		return nil, err
	}
	var first, last []int64
	for _, r := range ranges {
		first, last = append(first, r.first), append(last, r.last)
	}
	var seen, lo, hi int64
	err = asReader(ctx, conn, table.oid, func(tx pgx.Tx) error {
		query := fmt.Sprintf(committedQuery, table.name)
		return tx.QueryRow(ctx, query, first, last).Scan(&seen, &lo, &hi)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		_, err = serverError(ctx, conn, err) // the table cannot be read, or is locked: full_read says so
		return nil, err
	}
	return []Outcome{finding(reason.PageChecksum, fmt.Sprintf(
		"%s: rows of transaction %d are there, and pg_xact has nothing but zeroes for the transactions %d to %d: what "+
			"they committed and nobody has read since is gone; %s", table.title(), seen, lo, hi, lookElsewhere))}, nil
}
