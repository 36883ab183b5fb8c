package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/wait"
)

// Asker asks one server for digests, in sessions of its own.
type Asker struct {
	// Connect hands out a session in a database, with Parameters; "" is any. Done takes it back when it is not nil:
	// then it comes prepared, else it is made ready here, and closed in the end.
	Connect func(ctx context.Context, database string) (*pgx.Conn, error)
	Done    func(*pgx.Conn)
	// Begin and End are the statements around each part, so that no lock is held for longer.
	Begin, End string
	Workers    int
	Seeds      Seeds
	// Pace spares the server: it is called after each part, with the bytes that were read for it. nil spares nothing.
	Pace func(ctx context.Context, bytes int64)
	// Clone is a server on which nothing changes: what is not there is damage.
	Clone bool
	// Told hears once a second how many parts are done; nil is nobody.
	Told func(done, total int)
}

// ErrBudget is the cause of a context that ended with what asking may take.
var ErrBudget = errors.New("the budget of the comparison is spent")

// progressEvery is how often long work says how far it is.
const progressEvery = time.Second

// A transaction with a snapshot of its own, and its end.
const (
	Begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	End   = "ROLLBACK"
)

// Digest asks for the digests of parts, in order, until all are there or ctx ends, and adds them to the side. It ends
// early with the first error that says nothing about the data. That the budget was spent is none.
func (a Asker) Digest(ctx context.Context, side *Side, parts []Part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan Part)
	var mu sync.Mutex
	done, last := 0, time.Now()
	keep := func(part Part, d Digest, left *LeftOut) {
		mu.Lock()
		defer mu.Unlock()
		if done++; left != nil {
			side.LeftOut = append(side.LeftOut, *left)
		} else {
			side.Digests[part] = d
		}
		if a.Told != nil && time.Since(last) > progressEvery {
			last = time.Now()
			a.Told(done, len(parts))
		}
	}
	objects := side.Objects // nobody changes it meanwhile
	var group sync.WaitGroup
	for range max(a.Workers, 1) {
		group.Go(func() {
			w := worker{Asker: a, objects: objects, closed: map[ID]bool{}}
			defer w.close(ctx)
			for part := range next {
				if err := w.one(ctx, part, keep); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
parts:
	for _, part := range parts {
		select {
		case next <- part:
		case <-ctx.Done():
			break parts
		}
	}
	close(next)
	group.Wait()
	if cause := context.Cause(ctx); wait.Over(ctx) && !errors.Is(cause, ErrBudget) {
		return cause
	}
	return nil
}

// errEnded is a session that replay ended while nothing was asked in it.
var errEnded = errors.New("the session was ended")

// beginError is a transaction that did not begin: it says nothing about the part it was for.
type beginError struct{ error }

func (e *beginError) Unwrap() error { return e.error }

// worker is one session at a time.
type worker struct {
	Asker
	objects map[ID]Object
	conn    *pgx.Conn
	closed  map[ID]bool // left out already
}

func (w *worker) close(ctx context.Context) {
	switch {
	case w.conn == nil:
	case w.Done != nil:
		w.Done(w.conn)
	default:
		CloseNow(ctx, w.conn)
	}
	w.conn = nil
}

// CloseNow closes a session, also after ctx has ended.
func CloseNow(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx) // nothing was written
}

// tries is how often one part is asked for, when something stands in its way that may go away.
const tries = 2

// one asks for one part, and keeps what comes of it.
func (w *worker) one(ctx context.Context, part Part, keep func(Part, Digest, *LeftOut)) error {
	o := w.objects[part.ID]
	if w.closed[part.ID] {
		return nil
	}
	for try := 1; ; try++ {
		d, err := w.ask(ctx, o, part)
		kind := Here
		if err != nil {
			kind = KindOf(err)
		}
		switch {
		case err == nil:
			keep(part, d, nil)
			if w.Pace != nil {
				w.Pace(ctx, max(part.Blocks(o.Blocks)*BlockSize, d.Bytes))
			}
		case wait.Over(ctx):
			return nil // the cause is that of ctx
		case errors.Is(err, errEnded): // another one is handed out, as long as there is one
			continue
		case kind == Session:
			return fmt.Errorf("%s%s: %w", o.Name, in(part.Database), err)
		case kind == Damage, w.Clone && damagedClone(kind, err):
			keep(part, Digest{Unread: cmp.Or(code(err), "42P01")}, nil)
		case kind == Conflict && try < tries && w.conn != nil && !w.conn.IsClosed():
			continue
		default:
			w.closed[part.ID] = true
			keep(part, d, &LeftOut{ID: part.ID, Name: o.Name, Why: why(kind, err), Denied: denied(err)})
		}
		return nil
	}
}

// damagedClone says whether what would be no damage on a standby is one on a server on which nothing changes: a table
// that is not there any more, a database without its directory, a text that is too long and was not on the standby.
func damagedClone(kind Kind, err error) bool {
	return kind == Changed || kind == Gone || code(err) == tooLong
}

// tooLong is the code of a text that is larger than a server can hold.
const tooLong = "54000"

// lockNotAvailable is the code of a lock that did not come in time.
const lockNotAvailable = "55P03"

// why says why an object is left out.
func why(kind Kind, err error) string {
	switch {
	case kind == Changed:
		return ErrChanged.Error()
	case kind == Gone:
		return "its database was dropped on production since the snapshot"
	case kind == Conflict && code(err) != lockNotAvailable:
		return "replay cancelled the query for it"
	case code(err) == lockNotAvailable:
		return "a transaction that was not over holds a lock on it"
	case denied(err):
		return "the role may not read all of it (SQLSTATE 42501): it needs pg_read_all_data, and BYPASSRLS"
	}
	return "it cannot be asked for its rows here (SQLSTATE " + code(err) + ")"
}

// denied says whether a right is missing.
func denied(err error) bool { return code(err) == "42501" }

// tooMany is the code of a session more than the server, a database or a role may have, connectEvery how often another
// one is tried for then.
const (
	tooMany      = "53300"
	connectEvery = 50 * time.Millisecond
)

// connect opens a session. On a clone nobody else has any: one too many is waited for until another worker lets its own
// go.
func (w *worker) connect(ctx context.Context, database string) (conn *pgx.Conn, err error) {
	if !w.Clone || w.Workers < 2 {
		return w.Connect(ctx, database)
	}
	err = wait.For(ctx, "a session in database "+database, connectEvery, func(ctx context.Context) (failed error) {
		if conn, failed = w.Connect(ctx, database); failed != nil && code(failed) != tooMany {
			return wait.Stop(failed)
		}
		return failed
	})
	return conn, err
}

// ask asks in a transaction of its own, so that no lock is held longer than for one part.
func (w *worker) ask(ctx context.Context, o Object, part Part) (d Digest, err error) {
	if w.conn != nil && (w.conn.IsClosed() || part.Database != "" && w.conn.Config().Database != part.Database) {
		w.close(ctx)
	}
	if w.conn == nil {
		if w.conn, err = w.connect(ctx, part.Database); err != nil {
			return d, err
		}
		if w.Done == nil {
			if err = Prepare(ctx, w.conn); err != nil {
				return d, err
			}
		}
	}
	if _, err = w.conn.Exec(ctx, w.Begin); err != nil {
		CloseNow(ctx, w.conn) // a transaction may be open, and aborted
		w.close(ctx)
		if w.Done != nil {
			return d, errEnded
		}
		return d, &beginError{err}
	}
	d, err = Ask(ctx, w.conn, o, part, w.Seeds)
	if w.conn.IsClosed() {
		return d, err
	}
	if _, failed := w.conn.Exec(ctx, w.End); failed != nil && err == nil {
		err = failed
	}
	return d, err
}
