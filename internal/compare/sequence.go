package compare

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Sequence is what a sequence goes on with.
type Sequence struct {
	Name             string
	Last, Log, Every int64 // last_value, log_cnt, and the increment
	Called           bool
	// Unread is the SQLSTATE of one that the side cannot read; only a clone's.
	Unread string
}

// Logged is the value that is in the WAL. A server hands out up to 32 values before it logs the next one, so that the
// page of a primary, as a backup copies it, holds an older value than the page of its standby: last_value and
// log_cnt together say the same in both (commands/sequence.c, nextval_internal).
func (s Sequence) Logged() int64 { return s.Last + s.Log*s.Every }

// same says that two servers go on with the same value.
func (s Sequence) same(o Sequence) bool { return s.Logged() == o.Logged() && s.Called == o.Called }

// sequenceNames lists the permanent sequences of a database, with their increments.
const sequenceNames = `SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqincrement
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
	WHERE c.relkind = 'S' AND c.relpersistence = 'p' ORDER BY c.oid`

// SequenceNames lists the permanent sequences of the database of a session: what they go on with is not known yet.
func SequenceNames(ctx context.Context, conn *pgx.Conn) (map[ID]Sequence, error) {
	rows, err := conn.Query(ctx, sequenceNames)
	if err != nil {
		return nil, err
	}
	list := map[ID]Sequence{}
	var s Sequence
	id := ID{Database: conn.Config().Database}
	_, err = pgx.ForEachRow(rows, []any{&id.OID, &s.Name, &s.Every}, func() error {
		list[id] = s
		return nil
	})
	return list, err
}

// atOnce is how many sequences one statement reads.
const atOnce = 500

// oneSequence reads a sequence by its name, with the number of what has that name now.
func oneSequence(s Sequence) string {
	return fmt.Sprintf("SELECT '%s'::pg_catalog.regclass::pg_catalog.oid, last_value, log_cnt, is_called FROM %s",
		strings.ReplaceAll(s.Name, "'", "''"), s.Name)
}

// ReadSequences reads what sequences of a list go on with. On a standby that replays, a sequence is that of now,
// whatever the snapshot is: it must stand still. What cannot be read is in unread, with why. An error is the session's.
func ReadSequences(
	ctx context.Context, conn *pgx.Conn, list map[ID]Sequence,
) (read map[ID]Sequence, unread map[ID]error, err error) {
	read, unread = map[ID]Sequence{}, map[ID]error{}
	for some := range slices.Chunk(slices.Collect(maps.Keys(list)), atOnce) {
		if err = readSequences(ctx, conn, list, some, read); err == nil {
			continue
		}
		for _, id := range some { // one of them stands in the way of the others
			if code(err) == "" {
				return read, unread, err
			}
			if one := readSequences(ctx, conn, list, []ID{id}, read); code(one) != "" {
				unread[id] = one
			} else if one != nil {
				return read, unread, one
			}
		}
	}
	return read, unread, nil
}

func readSequences(ctx context.Context, conn *pgx.Conn, list map[ID]Sequence, some []ID, read map[ID]Sequence) error {
	var arms []string
	for _, id := range some {
		arms = append(arms, oneSequence(list[id]))
	}
	rows, err := conn.Query(ctx, strings.Join(arms, " UNION ALL "))
	if err != nil {
		return err
	}
	var s Sequence
	id := ID{Database: conn.Config().Database}
	_, err = pgx.ForEachRow(rows, []any{&id.OID, &s.Last, &s.Log, &s.Called}, func() error {
		s.Name, s.Every = list[id].Name, list[id].Every // both empty for another one that has the name now
		read[id] = s
		return nil
	})
	return err
}

// Settle gives a side the sequences that were read, and leaves out the others by name: as they are listed at the
// position, where each name and number is known for certain.
func (s *Side) Settle(listed, read map[ID]Sequence, unread map[ID]error) {
	for id, at := range listed {
		q, known := read[id]
		switch {
		case known && q.Name == at.Name && q.Every == at.Every:
			s.Sequences[id] = q
		case unread[id] != nil:
			s.LeftOut = append(s.LeftOut, LeftOut{
				ID: id, Name: at.Name, Denied: denied(unread[id]),
				Why: "the sequence could not be read: " + why(KindOf(unread[id]), unread[id]),
			})
		default:
			s.LeftOut = append(s.LeftOut, LeftOut{
				ID: id, Name: at.Name, Why: "the sequence was made, or changed, at that moment",
			})
		}
	}
}

// LeaveOutMoved leaves out the sequences that go on with another value in the other side, for a side that is of a later
// position: a sequence goes on outside of transactions, whatever becomes of them.
func (s *Side) LeaveOutMoved(other Side, why string) {
	for id, q := range s.Sequences {
		if o, there := other.Sequences[id]; there && q.Unread+o.Unread == "" && !q.same(o) {
			s.LeftOut = append(s.LeftOut, LeftOut{ID: id, Name: q.Name, Why: why})
		}
	}
}
