package compare

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Listing is how a server on which nothing changes is listed.
type Listing struct {
	// Whole has every column compared, by its text: both servers stand still, at one position.
	Whole bool
}

// State lists what a server on which nothing changes holds: databases, objects and sequences. A database that cannot be
// entered is among those that refused. The databases are listed in a session of connect's own choice, asked for as "".
func State(
	ctx context.Context, connect func(context.Context, string) (*pgx.Conn, error), how Listing,
) (Side, error) {
	side := NewSide()
	conn, err := connect(ctx, "")
	if err != nil {
		return side, err
	}
	var open []string
	open, side.Closed, side.Blocks, err = Databases(ctx, conn)
	CloseNow(ctx, conn)
	if err != nil {
		return side, err
	}
	for _, database := range open {
		if conn, err = connect(ctx, database); err == nil {
			err = side.add(ctx, conn, how)
			CloseNow(ctx, conn)
		}
		if wait.Over(ctx) {
			return side, context.Cause(ctx)
		}
		if _, ours := reason.Of(err); err != nil && !ours && KindOf(err) == Session { // it crashed, or is gone
			return side, fmt.Errorf("database %s: %w", database, err)
		}
		if err != nil {
			side.Refused[database] = refusal(err)
		}
	}
	return side, nil
}

// noData is the SQLSTATE of a row that is not there.
const noData = "02000"

// add adds what one database holds.
func (s *Side) add(ctx context.Context, conn *pgx.Conn, how Listing) error {
	if err := Prepare(ctx, conn); err != nil {
		return err
	}
	objects, err := Objects(ctx, conn, len(s.Databases) == 0)
	if err != nil {
		return err
	}
	sequences, err := SequenceNames(ctx, conn)
	if err != nil {
		return err
	}
	read, unread, err := ReadSequences(ctx, conn, sequences)
	if err != nil {
		return err
	}
	coded, err := LeaveOutCode(ctx, conn, objects)
	if err != nil {
		return err
	}
	s.LeftOut = append(s.LeftOut, coded...)
	for id, o := range objects {
		if how.Whole {
			o.Columns = whole(o.Columns)
		}
		s.Objects[id] = o
	}
	for id, q := range sequences {
		_, known := read[id]
		switch kind := KindOf(unread[id]); {
		case known:
		case unread[id] == nil: // a page of zeroes holds no row, and is no error
			q.Unread = noData
		case kind == Damage, damagedClone(kind, unread[id]):
			q.Unread = code(unread[id])
		}
		if q.Unread != "" {
			read[id] = q
		}
	}
	s.Settle(sequences, read, unread)
	s.Databases = append(s.Databases, conn.Config().Database)
	return nil
}

// whole has every column compared. An enum, and an array of them, is hashed by whatever the data calls the default for
// it; its text is made by the server's own functions.
func whole(columns []Column) (all []Column) {
	for _, c := range columns {
		switch c.How {
		case Nested, InPlace, Label, Labels, Samples:
			c.How = Text
		case Text, Bytes, Number, Numbers, Right, Rights:
		}
		all = append(all, c)
	}
	return all
}
