package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// PostgreSQL's log of commits, pg_xact, has two bits a transaction (clog.c); all zeroes is what a crash leaves of one.
const (
	xidsAByte    = 4
	xidsAPage    = 8192 * xidsAByte
	xidsAFile    = 32 * xidsAPage
	silence      = 64  // transactions in a row that a crash leaves seldom, and a disk often
	mostRanges   = 200 // of single transactions that are looked at; where more crashed, it is silence alone
	singleBytes  = 4 << 30
	upgradedXid  = 1024 // more than initdb needs
	firstXid     = 3    // those before have no entry
	xidsAnEpoch  = 1 << 32
	commitsQuery = `SELECT name, pg_read_binary_file('pg_xact/' || name) FROM pg_ls_dir('pg_xact') name
		WHERE name ~ '^[0-9A-F]{4}$' ORDER BY name`
)

// xids are transactions in a row, by their numbers.
type xids struct{ first, last int64 }

func (x xids) String() string {
	if x.first == x.last {
		return "it"
	}
	return fmt.Sprintf("the transactions %d to %d", x.first, x.last)
}

// silent are the transactions before next of which a file of pg_xact, whose first one is given, says nothing at all,
// so many in a row at least.
func silent(file []byte, first, next, least int64) (ranges []xids) {
	begin := int64(-1)
	end := func(at int64) {
		if begin >= 0 && at-begin >= least && at > firstXid {
			ranges = append(ranges, xids{max(begin, firstXid), at - 1})
		}
		begin = -1
	}
	last := min(next, first+int64(len(file))*xidsAByte)
	for at := first; at < last; at++ {
		switch says := file[(at-first)/xidsAByte] >> (2 * (at % xidsAByte)) & 3; {
		case says != 0:
			end(at)
		case begin < 0:
			begin = at
		}
	}
	end(last)
	return ranges
}

// contradicted are the ranges that a row of this cluster can contradict: rows of the catalogs that pg_upgrade's own
// initdb made have small numbers, of another pg_xact.
func contradicted(ranges []xids) (list []xids) {
	for _, r := range ranges {
		if r.last-r.first+1 < silence {
			r.first = max(r.first, upgradedXid)
		}
		if r.first <= r.last {
			list = append(list, r)
		}
	}
	return list
}

// silentPages are the notes on ranges as large as a page of pg_xact, which no row contradicts. A crash leaves one only
// of a transaction with as many savepoints, of which a block with EXCEPTION makes one each time; pg_resetwal skips
// numbers as well. So it is no finding: but a page that was lost looks the same.
func silentPages(ranges []xids) (notes []string) {
	for _, r := range ranges {
		if r.last-r.first+1 >= xidsAPage {
			notes = append(notes, fmt.Sprintf("pg_xact has nothing but zeroes for %s, and no row contradicts it: one "+
				"transaction with as many savepoints or EXCEPTION blocks that a crash ended leaves that, and so does "+
				"pg_resetwal; if there was neither, what they committed and nobody has read since is gone", r))
		}
	}
	return shortened(notes)
}

// silentXids reads pg_xact as it lies on disk. It is ordinary that it says nothing of transactions
// which a crash ended. Beyond four billion transactions a number stands for several, of which old ones are frozen in
// rows: nothing can be said then.
//
// Single transactions are looked for where the tables have no more than singleBytes: every row is asked then, and a
// crash is no reason to spend the budget of other checks on that.
func (d Deep) silentXids(ctx context.Context, s survey, tables []relation) (ranges []xids, err error) {
	conn, err := d.writer(ctx, tables[0].database)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	var next int64
	var atWork []int64
	err = conn.QueryRow(ctx, `SELECT pg_snapshot_xmax(s)::text::bigint, array(SELECT pg_snapshot_xip(s)::text::bigint)
		FROM pg_current_snapshot() s`).Scan(&next, &atWork)
	if err != nil || next >= xidsAnEpoch {
		return nil, err
	}
	if _, err = conn.Exec(ctx, "CHECKPOINT"); err != nil { // whatever has ended by now is on the disk
		return nil, err
	}
	rows, err := conn.Query(ctx, commitsQuery)
	if err != nil {
		return nil, err
	}
	var each []xids
	var name string
	var file []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &file}, func() error {
		number, failed := strconv.ParseInt(name, 16, 64)
		if failed == nil {
			ranges = append(ranges, silent(file, number*xidsAFile, next, silence)...)
		}
		if failed == nil && len(each) <= mostRanges {
			each = append(each, silent(file, number*xidsAFile, next, 1)...)
		}
		return failed
	})
	if each = contradicted(each); err == nil && len(each) <= mostRanges && single(s, tables) {
		ranges = each
	}
	return without(ranges, atWork), err
}

// without are the ranges but for transactions that had not ended: another session of the drill may have committed one
// since, and its rows are seen.
func without(ranges []xids, atWork []int64) (list []xids) {
	slices.Sort(atWork)
	for _, r := range ranges {
		for _, x := range atWork {
			if x < r.first || x > r.last {
				continue
			}
			if x > r.first {
				list = append(list, xids{r.first, x - 1})
			}
			r.first = x + 1
		}
		if r.first <= r.last {
			list = append(list, r)
		}
	}
	return list
}

// single says whether single transactions are looked for.
func single(s survey, tables []relation) bool {
	var bytes int64
	for _, r := range tables {
		bytes += r.size
	}
	return bytes <= singleBytes && versions.Multiranges.In(s.version)
}

// committedQuery finds a row that everybody sees although pg_xact says nothing of the transaction that made it. That it
// is seen comes from the row itself: somebody read it while pg_xact still knew, and left a hint there. Rows that nobody
// had read are not seen any more.
const (
	committedQuery = `SELECT x FROM (SELECT xmin::text::bigint AS x FROM ONLY %s) t
		WHERE x <@ $1::int8multirange LIMIT 1`
	// committedOfOld is the same before there were multiranges, for the few ranges that there are then.
	committedOfOld = `SELECT x FROM (SELECT xmin::text::bigint AS x FROM ONLY %s) t
		WHERE EXISTS (SELECT FROM regexp_matches($1::text, '(\d+),(\d+)', 'g') r(m)
			WHERE x BETWEEN m[1]::bigint AND m[2]::bigint) LIMIT 1`
)

// multirange writes ranges as PostgreSQL reads them.
func multirange(ranges []xids) string {
	list := make([]string, len(ranges))
	for i, r := range ranges {
		list[i] = fmt.Sprintf("[%d,%d]", r.first, r.last)
	}
	return "{" + strings.Join(list, ",") + "}"
}

// lostCommits says whether a row of a table contradicts what pg_xact says nothing of.
func lostCommits(
	ctx context.Context, conn *pgx.Conn, table relation, ranges []xids, version string,
) ([]Outcome, error) {
	if len(ranges) == 0 || table.kind == "t" {
		return nil, nil
	}
	foreign, err := callsForeignCode(ctx, conn, table.oid)
	if err != nil || foreign {
		return nil, err
	}
	query := committedQuery
	if !versions.Multiranges.In(version) {
		query = committedOfOld
	}
	var seen int64
	err = asReader(ctx, conn, table.oid, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(query, table.name), multirange(ranges)).Scan(&seen)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return passedOver(ctx, conn, table, err)
	}
	i := slices.IndexFunc(ranges, func(r xids) bool { return r.first <= seen && seen <= r.last })
	return []Outcome{finding(reason.PageChecksum, fmt.Sprintf(
		"%s: rows of transaction %d are there, and pg_xact has nothing but zeroes for %s: what was committed then and "+
			"nobody has read since is gone; %s", table.title(), seen, ranges[max(i, 0)], lookElsewhere))}, nil
}
