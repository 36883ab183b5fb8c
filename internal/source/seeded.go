package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// DefaultRows is how many users a seeded cluster has unless it is told otherwise.
const DefaultRows = 100_000

// Seeded is a cluster made for one run, with backups and an archive in a
// repository made for it: all that the drill would find in production, in seconds.
//
// It owns the Machine and the Store it is given: Close ends both.
type Seeded struct {
	Machine sandbox.Sandbox    // where cluster and pgbackrest run
	Store   *objectstore.Store // where the repository is; nil: a posix one in the machine
	Stanza  string             // "demo" when empty
	Rows    int                // users in the end; DefaultRows when 0
	BinDir  string             // directory of initdb and pg_ctl; the newest one found when empty
	// Settings of the server go before those it usually has, as name=value.
	Settings []string
	Initdb   []string // more options of initdb
	// Options of pgbackrest.conf go before those it usually has, as name=value; without a
	// value the option is left out.
	Options []string
	// Told, when set, hears how far a backup of the seeding is.
	Told   Told
	CAFile string // where in the machine the store's CA is put; ca.crt beside the conf when empty

	passphrase string
	heartbeat  heartbeat
	closing    sync.Mutex
}

var _ Source = (*Seeded)(nil)

// Places in the machine.
func (s *Seeded) data() string      { return path.Join(s.Machine.Dir("data"), "pg") }
func (s *Seeded) posix() string     { return path.Join(s.Machine.Dir("data"), "repo") }
func (s *Seeded) conf() string      { return path.Join(s.Machine.Dir("etc"), "pgbackrest.conf") }
func (s *Seeded) ca() string        { return cmp.Or(s.CAFile, path.Join(s.Machine.Dir("etc"), "ca.crt")) }
func (s *Seeded) stanza() string    { return cmp.Or(s.Stanza, "demo") }
func (s *Seeded) rows() int         { return cmp.Or(s.Rows, DefaultRows) }
func (s *Seeded) serverLog() string { return path.Join(s.Machine.Dir("log"), "postgresql.log") }

// Open makes a cluster, loads it, and takes a full and a differential backup
// with rows written before, between and after them. On return all of it is in the
// archive, and the cluster goes on running and writes a heartbeat row every second.
// Errors are tool_missing, naming the package to install, or sandbox_failed.
func (s *Seeded) Open(ctx context.Context, say func(format string, args ...any)) (Repository, error) {
	err := s.open(ctx, say)
	if errors.Is(err, host.ErrNotFound) {
		return Repository{}, reason.Errorf(reason.ToolMissing, "%w: apt-get install postgresql pgbackrest", err)
	}
	if err != nil {
		return Repository{}, reason.Wrap(reason.SandboxFailed,
			fmt.Errorf("seed a cluster in %s: %w", s.Machine.Name(), err))
	}
	return s.repository(ctx)
}

func (s *Seeded) open(ctx context.Context, say func(format string, args ...any)) error {
	if s.BinDir == "" {
		dir, err := s.Newest(ctx)
		if err != nil {
			return err
		}
		s.BinDir = dir
	}
	say("making a cluster with %s", s.BinDir)
	if err := errors.Join(s.create(ctx), s.configure(ctx)); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	if err := s.fill(ctx, conn, say); err != nil {
		return err
	}
	s.heartbeat.start(s.Connect)
	return nil
}

// parts is how many users come before the full backup, between it and the
// differential one, and after that: a hundredth of them in each of the later two.
func parts(rows int) (first, between, after int) {
	after = min(max(rows/100, 1), rows)
	between = min(max(rows/100, 1), rows-after)
	return rows - between - after, between, after
}

// fill loads the cluster and backs it up, twice.
func (s *Seeded) fill(ctx context.Context, conn *pgx.Conn, say func(format string, args ...any)) error {
	first, between, after := parts(s.rows())
	say("loading %d users and their orders", first)
	stanza := make(chan error, 1)
	go func() { stanza <- s.createStanza(ctx) }()
	err := Load(ctx, conn, first)
	if err = errors.Join(err, <-stanza); err != nil {
		return err
	}
	for _, backup := range []struct {
		kind string
		then int // users that come after it
	}{{"full", between}, {"diff", after}} {
		say("%s backup", backup.kind)
		if err := s.backup(ctx, conn, backup.kind); err != nil {
			return err
		}
		if err := grow(ctx, conn, backup.then); err != nil {
			return err
		}
	}
	if err := writeHeartbeatRow(ctx, conn); err != nil {
		return err
	}
	say("archiving the last rows")
	return Archive(ctx, conn)
}

// Close ends the cluster, the machine and the store, whatever Open came to.
func (s *Seeded) Close(ctx context.Context) error {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.heartbeat.stop()
	var err error
	if s.Machine != nil {
		err = s.Machine.Destroy(ctx)
	}
	return errors.Join(err, s.Store.Close(ctx))
}
