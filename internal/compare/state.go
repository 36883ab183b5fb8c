package compare

import (
	"context"
	"maps"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/wait"
)

// State lists what a server on which nothing changes holds: databases, objects and sequences. A database that cannot be
// entered is left out.
func State(ctx context.Context, connect func(context.Context, string) (*pgx.Conn, error)) (Side, error) {
	side := NewSide()
	conn, err := connect(ctx, "")
	if err != nil {
		return side, err
	}
	open, _, err := Databases(ctx, conn) // those that are closed are so on the other side as well
	CloseNow(ctx, conn)
	if err != nil {
		return side, err
	}
	for _, database := range open {
		if conn, err = connect(ctx, database); err == nil {
			err = side.add(ctx, conn)
			CloseNow(ctx, conn)
		}
		if wait.Over(ctx) {
			return side, context.Cause(ctx)
		}
		switch kind := KindOf(err); {
		case err == nil:
		case kind == Damage, damagedClone(kind, err):
			side.Broken[database] = code(err)
		default:
			side.LeftOut = append(side.LeftOut, LeftOut{
				ID: ID{Database: database}, Why: "the clone cannot list it: " + err.Error(),
			})
		}
	}
	return side, nil
}

// noData is the SQLSTATE of a row that is not there.
const noData = "02000"

// add adds what one database holds.
func (s *Side) add(ctx context.Context, conn *pgx.Conn) error {
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
	maps.Copy(s.Objects, objects)
	s.Settle(sequences, read, unread)
	s.Databases = append(s.Databases, conn.Config().Database)
	return nil
}
