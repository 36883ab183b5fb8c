package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
)

// digestQuery is asked of a part. The text of a row is made once (OFFSET 0 keeps it apart) and hashed twice.
const digestQuery = `SELECT count(*), coalesce(sum(hashtextextended(r, %[1]d)), 0)::text,
	coalesce(sum(hashtextextended(r, %[2]d)), 0)::text, coalesce(sum(octet_length(r)), 0)::bigint, %[3]s
	FROM (SELECT t.ctid::text || %[4]s COLLATE "C" AS r FROM ONLY %[5]s t WHERE %[6]s OFFSET 0) x`

// columnDigest is the same of rows that are too large to be one text: a hash of each column, with the place of the row
// in its seed.
const columnDigest = `SELECT count(*), coalesce(sum(%s), 0)::text, coalesce(sum(%s), 0)::text, 0::bigint, %s
	FROM ONLY %s t WHERE %s`

// identity is which file is read, and which table has the name now.
func (o Object) identity() string {
	return fmt.Sprintf("coalesce(pg_relation_filenode(%d), 0), '%s'::regclass::oid", o.OID,
		strings.ReplaceAll(o.Name, "'", "''"))
}

// blocks is the condition that a part's rows fulfil. PostgreSQL 14 and later read these blocks alone for it.
func (p Part) blocks() string {
	condition := fmt.Sprintf("t.ctid >= '(%d,0)'::tid", p.First)
	if p.End != 0 {
		condition += fmt.Sprintf(" AND t.ctid < '(%d,0)'::tid", p.End)
	}
	return condition
}

// query is what is asked of a part, of whole rows.
func (o Object) query(part Part, seeds Seeds) string {
	return fmt.Sprintf(digestQuery, seeds[0], seeds[1], o.identity(), o.row(), o.Name, part.blocks())
}

// byColumns is what is asked of a part whose rows are too large.
func (o Object) byColumns(part Part, seeds Seeds) string {
	sum := func(seed int64) string {
		place := fmt.Sprintf("hashtextextended(t.ctid::text COLLATE \"C\", %d)", seed)
		terms := []string{place + "::numeric"}
		for i, c := range o.Columns {
			if c.Compared() {
				terms = append(terms, fmt.Sprintf("coalesce(hashtextextended(%s COLLATE \"C\", %s # %d), 1)::numeric",
					c.alone(), place, i+1))
			}
		}
		return strings.Join(terms, " + ")
	}
	return fmt.Sprintf(columnDigest, sum(seeds[0]), sum(seeds[1]), o.identity(), o.Name, part.blocks())
}

// ErrChanged is a table that has another name, or is gone, since it was listed.
var ErrChanged = errors.New("it was changed on production since the snapshot")

// Ask asks for the digest of a part in the open transaction of a session. A part that the server cannot read for a
// reason of its own has Unread, and no error; an error is ErrChanged, or one of the session's.
func Ask(ctx context.Context, conn *pgx.Conn, o Object, part Part, seeds Seeds) (Digest, error) {
	if _, err := conn.Exec(ctx, "SAVEPOINT digest"); err != nil {
		return Digest{}, err
	}
	d, err := ask(ctx, conn, o, o.query(part, seeds))
	if tooLarge(err) {
		if _, err = conn.Exec(ctx, "ROLLBACK TO digest"); err != nil {
			return d, err
		}
		d, err = ask(ctx, conn, o, o.byColumns(part, seeds))
	}
	return d, err
}

func ask(ctx context.Context, conn *pgx.Conn, o Object, query string) (d Digest, err error) {
	var now uint32
	err = conn.QueryRow(ctx, query, pgx.QueryExecModeExec).
		Scan(&d.Rows, &d.Sums[0], &d.Sums[1], &d.Bytes, &d.File, &now)
	if err == nil && now != o.OID {
		return Digest{}, ErrChanged
	}
	return d, err
}

// code is the SQLSTATE of an answer of the server, "" of any other error.
func code(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	return ""
}

// Locked says whether an error is of a lock that did not come in time.
func Locked(err error) bool { return code(err) == lockNotAvailable }

// tooLarge says whether the text of a row, or one of its values, is more than a server can hold in one (1 GB).
func tooLarge(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == "54000" || answer.Code == "XX000" &&
		strings.HasPrefix(answer.Message, "invalid memory alloc request size"))
}

// Kind is what a server answers in place of a digest.
type Kind int

// What a failed digest says.
const (
	Session  Kind = iota // the session, not the data: it ended, or was told to
	Conflict             // replay went before the query, or it waited for a lock of replay's too long
	Changed              // the catalogs are not those of the listing any more
	Gone                 // the database is gone
	Here                 // something is missing on this machine, or the role may not: nothing about the data
	Damage               // the data cannot be read
)

// KindOf is what an error of Ask says.
func KindOf(err error) Kind {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	_, begins := errors.AsType[*beginError](err)
	switch {
	case begins && code(err) != "40001" && code(err) != "40P01":
		return Session
	case errors.Is(err, ErrChanged):
		return Changed
	case !ok:
		return Session
	case notHere(answer):
		return Here
	case answer.Code == "40001", answer.Code == "40P01", answer.Code == "55P03":
		return Conflict
	case answer.Code == "57P04", answer.Code == "3D000":
		return Gone
	case answer.Code == "42P01", answer.Code == "42703", answer.Code == "42704", answer.Code == "3F000",
		answer.Code == "42883", answer.Code == "42846", answer.Code == "42804":
		return Changed
	case strings.HasPrefix(answer.Code, "XX"), strings.HasPrefix(answer.Code, "58"),
		strings.HasPrefix(answer.Code, "22") && answer.Code != "22023": // a value that no input would have let in
		return Damage
	case strings.HasPrefix(answer.Code, "57"), strings.HasPrefix(answer.Code, "08"):
		return Session
	}
	return Here
}

// missingHere is how messages begin about what a machine lacks beside libraries. They come with codes that otherwise
// mean damage.
var missingHere = []string{
	"database locale is incompatible with operating system", "database locale provider does not match",
}

// notHere says whether an answer is about the machine, its memory and disk, or the rights of the role.
func notHere(answer *pgconn.PgError) bool {
	if postgres.LacksLibrary(answer) || postgres.DiskFailed(answer) {
		return true
	}
	for _, begins := range missingHere {
		if strings.HasPrefix(answer.Message, begins) {
			return true
		}
	}
	codes := []string{"42501", "53000", "53100", "53200", "53300", "54000", "58030", "0A000"}
	return slices.Contains(codes, answer.Code)
}
