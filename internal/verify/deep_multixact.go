package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/postgres/page"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// Several transactions that lock or update one row stand in its place as a multixact. Which ones, two logs say
// (multixact.c): pg_multixact/offsets has, for each multixact, where in pg_multixact/members its members begin; those
// are in groups of four, four bytes of flags before four numbers of transactions.
const (
	multisAFile  = 32 * 8192 / 4
	membersAPage = 8192 / memberGroup * 4
	membersAFile = 32 * membersAPage
	memberGroup  = 20
	// mute is how many in a row say nothing where a sector of 512 bytes is lost, or more. A crash leaves as many as
	// were given out in the moment before it and not yet logged, beside one that was.
	mute = 100
	// lostPage is how many members in a row are a lost page: one multixact that was given out and not logged leaves as
	// many as it has. Of fewer the rows are asked.
	lostPage = membersAPage
	// mostMultis, and mostSilent members that say nothing, are looked at one by one.
	mostMultis = 4_000_000
	mostSilent = 100_000

	multisQuery = `SELECT next_multixact_id::text::bigint, oldest_multi_xid::text::bigint,
		next_multi_offset::text::bigint FROM pg_control_checkpoint()`
	multiFilesQuery = `SELECT name, pg_read_binary_file($1 || '/' || name) FROM pg_ls_dir($1) name
		WHERE name ~ '^[0-9A-F]{4,6}$' ORDER BY name`
)

// multis are the multixacts that rows may still name: from oldest on, and before next. Their members are before end.
type multis struct{ next, oldest, end int64 }

// slru is a log, by its files in a row.
type slru struct {
	directory string
	each      int64                               // entries of a file
	blank     func(file []byte, entry int64) bool // whether an entry says nothing
}

var (
	multiOffsets = slru{"pg_multixact/offsets", multisAFile, noOffset}
	multiMembers = slru{"pg_multixact/members", membersAFile, noMember}
)

// muteRanges are the entries in a row, so many at least, that say nothing in the file of a number, among those from one
// on and before another.
func (l slru) muteRanges(file []byte, n, from, before, least int64) (ranges []xids) {
	first, last := max(from, n*l.each), min(before, (n+1)*l.each)
	begin := int64(-1)
	for at := first; at <= last; at++ {
		switch silent := at < last && l.blank(file, at%l.each); {
		case silent && begin < 0:
			begin = at
		case !silent && begin >= 0:
			if at-begin >= least {
				ranges = append(ranges, xids{begin, at - 1})
			}
			begin = -1
		}
	}
	return ranges
}

// number is the four bytes of an entry, 0 behind the end of a file.
func number(file []byte, at int64) uint32 {
	if at+4 > int64(len(file)) {
		return 0
	}
	return uint32(file[at]) | uint32(file[at+1])<<8 | uint32(file[at+2])<<16 | uint32(file[at+3])<<24
}

func noOffset(file []byte, entry int64) bool { return number(file, 4*entry) == 0 }

func noMember(file []byte, entry int64) bool {
	page, of := entry/membersAPage, entry%membersAPage
	return number(file, 8192*page+memberGroup*(of/4)+4+4*(of%4)) == 0
}

// lostMultixacts reads both logs as they lie on disk, after a checkpoint. Without them an updated row is there twice,
// or no query that meets it ends. suspects are the multixacts, fewer than what a disk loses, that say nothing. Of a
// version that lays them out in another way nothing is read, and a note says so.
func (d Deep) lostMultixacts(ctx context.Context, database, version string) (
	found []Outcome, suspects []xids, notes []string, err error,
) {
	if !versions.NarrowMultixacts.In(version) {
		return nil, nil, []string{fmt.Sprintf("pg_multixact of PostgreSQL %s was not looked at: it is read as those "+
			"before 19 write it", version)}, nil
	}
	found, suspects, err = d.narrowMultixacts(ctx, database)
	return found, suspects, nil, err
}

// narrowMultixacts reads logs with offsets of four bytes.
func (d Deep) narrowMultixacts(ctx context.Context, database string) (found []Outcome, suspects []xids, err error) {
	conn, err := d.writer(ctx, database)
	if err != nil {
		return nil, nil, err
	}
	defer closeConn(ctx, conn)
	var m multis
	if err = conn.QueryRow(ctx, multisQuery).Scan(&m.next, &m.oldest, &m.end); err != nil {
		return nil, nil, err
	}
	if m.oldest >= m.next { // there is none, or the numbers have begun anew, after four billion
		return nil, nil, nil
	}
	var begins []int64 // of the members of each multixact from the oldest on
	err = eachFile(ctx, conn, multiOffsets, func(n int64, file []byte) {
		found = append(found, multiOffsets.judge(multiOffsets.muteRanges(file, n, m.oldest, m.next, mute))...)
		for at := max(m.oldest, n*multisAFile); at < min(m.next, (n+1)*multisAFile); at++ {
			if at-m.oldest == int64(len(begins)) && (m.next-m.oldest <= mostMultis || at == m.oldest) {
				begins = append(begins, int64(number(file, 4*(at%multisAFile))))
			}
		}
	})
	if err != nil || len(begins) == 0 {
		return found, nil, err
	}
	silent := map[int64]bool{} // members
	err = eachFile(ctx, conn, multiMembers, func(n int64, file []byte) {
		if begins[0] > 0 {
			found = append(found, multiMembers.judge(multiMembers.muteRanges(file, n, begins[0], m.end, lostPage))...)
		}
		for _, r := range multiMembers.muteRanges(file, n, 1, m.end, 1) {
			for at := r.first; at <= r.last && len(silent) < mostSilent; at++ {
				silent[at] = true
			}
		}
	})
	return found, m.suspects(begins, silent), err
}

// suspects are the multixacts that have no members, or one of which nothing is known.
func (m multis) suspects(begins []int64, silent map[int64]bool) (list []xids) {
	for i, begin := range begins {
		end := m.end
		if i+1 < len(begins) {
			end = begins[i+1]
		}
		lost := begin == 0
		for at := begin; at < min(end, begin+mute) && !lost; at++ {
			lost = silent[at]
		}
		if lost {
			list = append(list, xids{m.oldest + int64(i), m.oldest + int64(i)})
		}
	}
	return list
}

// lostUpdaters says whether a row of a table was updated by a multixact that says nothing. No row names one that was
// not logged before: a crash leaves none of those.
func lostUpdaters(ctx context.Context, files forkReader, table relation, suspects []xids) ([]Outcome, error) {
	if len(suspects) == 0 {
		return nil, nil
	}
	named, rows := int64(-1), 0
	err := files.readFile(ctx, table.file, func(p page.Page) {
		p.Updaters(func(multixact uint32) {
			_, known := slices.BinarySearchFunc(suspects, int64(multixact),
				func(r xids, n int64) int { return cmp.Compare(r.first, n) })
			if known {
				named, rows = int64(multixact), rows+1
			}
		})
	})
	if err != nil || rows == 0 {
		return nil, err
	}
	return []Outcome{finding(reason.PageChecksum, fmt.Sprintf("%s: %d rows were updated or deleted while others had "+
		"locked them (multixact %d), and pg_multixact has nothing but zeroes for that: they cannot be read, or come "+
		"back as they were before; %s", table.title(), rows, named, lookElsewhere))}, nil
}

// judge makes findings of what a log has lost.
func (l slru) judge(ranges []xids) (found []Outcome) {
	for _, r := range ranges {
		found = append(found, finding(reason.PageChecksum, fmt.Sprintf("%s has nothing but zeroes from %d to %d: rows "+
			"that were locked and updated at once cannot be read, or an old version of them comes back; %s",
			l.directory, r.first, r.last, lookElsewhere)))
	}
	return found
}

// eachFile reads the files of a log one after the other. One that is not there is not missed: whoever needs it says so.
func eachFile(ctx context.Context, conn *pgx.Conn, l slru, take func(n int64, file []byte)) error {
	rows, err := conn.Query(ctx, multiFilesQuery, l.directory)
	if err != nil {
		return err
	}
	var name string
	var file []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &file}, func() error {
		n, failed := strconv.ParseInt(name, 16, 64)
		if failed == nil {
			take(n, file)
		}
		return failed
	})
	return err
}
