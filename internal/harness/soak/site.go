package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

// seedTime bounds the making of one source.
const seedTime = 3 * time.Minute

// commandTime bounds one program.
const commandTime = time.Minute

// site is a source that lives: it is drilled while its cluster goes on.
type site struct {
	*source.Seeded
	mix     mix
	conf    string
	traffic traffic
	held    []*pgx.Conn
	labels  []string // of its backups
	hasDiff bool     // one of them is differential
	mark    mark
}

// mark is a moment between the last backup and the end of the archive.
type mark struct {
	lsn string
	at  time.Time
}

const markName = "soaked" // the restore point of the mark

// open makes a source of a mix. What it started is closed by close, also after an error.
func open(ctx context.Context, provider sandbox.Provider, m mix, stanza string, r *rand.Rand) (*site, error) {
	ctx, cancel := context.WithTimeout(ctx, seedTime)
	defer cancel()
	s := &site{mix: m, Seeded: &source.Seeded{
		Stanza: stanza, Rows: m.rows, Options: m.options, Settings: []string{
			"archive_timeout=" + m.archiveTimeout, "max_prepared_transactions=10", "max_wal_senders=4",
		},
	}}
	var err error
	if s.Machine, err = provider.Launch(ctx, sandbox.Spec{Stanza: stanza, Run: stanza}); err != nil {
		return s, err
	}
	if m.s3 {
		if s.Store, err = objectstore.Embedded(ctx); err != nil {
			return s, err
		}
	}
	s.conf = filepath.Join(s.Machine.Dir("etc"), "pgbackrest.conf")
	if _, err = s.Open(ctx, func(string, ...any) {}); err != nil {
		return s, err
	}
	return s, s.live(ctx, r)
}

// live lets happen to a cluster what the mix says, and takes the last backup in the middle of it.
func (s *site) live(ctx context.Context, r *rand.Rand) error {
	stages := []func(context.Context) error{s.furnish, s.widen, s.hold, s.startTraffic(r)}
	switch s.mix.life {
	case switched:
		stages = append(stages, s.switchOver)
	case twice:
		stages = append(stages, s.switchOver, s.switchOver)
	case failed:
		stages = append(stages, s.failOver)
	case crashed:
		stages = append(stages, s.crash)
	}
	stages = append(stages, s.backUp, s.note)
	if s.mix.life == freshly {
		stages = append(stages, s.switchOver)
	}
	for _, stage := range append(stages, s.list, s.age) {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// furnish makes the conf and the heartbeat what the mix says.
func (s *site) furnish(ctx context.Context) error {
	if s.mix.load == idle || s.mix.load == idleHours {
		if err := errors.Join(s.Stop(ctx), s.Start(ctx)); err != nil { // without heartbeat rows from here on
			return err
		}
	}
	content, err := s.Machine.Read(ctx, s.conf)
	if err != nil {
		return err
	}
	text := string(content)
	if s.mix.async {
		text = strings.Replace(text, "archive-async=n\n", "archive-async=y\n", 1)
	}
	if s.mix.neighbour {
		text += "[aside]\npg1-path=/nonexistent/aside\n"
	}
	if err := s.Machine.Put(ctx, s.conf, []byte(text), 0o640, ""); err != nil || s.mix.heartbeat {
		return err
	}
	return s.sql(ctx, `DROP TABLE veza_heartbeat`)
}

// widen gives the cluster what a plain one lacks.
func (s *site) widen(ctx context.Context) error {
	if !s.mix.wide {
		return nil
	}
	elsewhere := filepath.Join(s.Machine.Dir("data"), "elsewhere")
	return inOrder(
		func() error { return s.run(ctx, "mkdir", "-p", elsewhere) },
		func() error {
			return s.sql(ctx, `CREATE TABLESPACE elsewhere LOCATION '`+elsewhere+`'`,
				`CREATE TABLE far_away TABLESPACE elsewhere AS
					SELECT i, repeat(md5(i::text), 300) AS long FROM generate_series(1, 500) i`,
				`CREATE UNLOGGED TABLE volatile AS SELECT i FROM generate_series(1, 500) i`,
				`SELECT lo_from_bytea(0, decode(repeat('c0ffee', 5000), 'hex')) FROM generate_series(1, 5)`,
				`CREATE DATABASE shop`, `CREATE DATABASE "Odd name" TABLESPACE elsewhere`)
		},
		// A backup from before it would have every drill replay twice.
		func() error { return s.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return s.Pgbackrest(ctx, "expire", "--repo1-retention-full=1") },
	)
}

// hold opens transactions that nobody ends.
func (s *site) hold(ctx context.Context) error {
	if !s.mix.held {
		return nil
	}
	if err := s.sql(ctx,
		`CREATE TABLE held (i int)`, `BEGIN`, `INSERT INTO held VALUES (1)`, `PREPARE TRANSACTION 'held'`,
	); err != nil {
		return err
	}
	if s.mix.life != quiet {
		return nil // a session does not live through a restart
	}
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	s.held = append(s.held, conn)
	_, err = conn.Exec(ctx, `BEGIN; INSERT INTO held VALUES (2)`)
	return err
}

func (s *site) backUp(ctx context.Context) error {
	return s.Pgbackrest(ctx, "backup", "--type="+s.mix.kind)
}

// note makes the mark, with a commit after it, and archives both.
func (s *site) note(ctx context.Context) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	const query = `SELECT pg_create_restore_point('` + markName + `')::text, clock_timestamp()`
	if err := conn.QueryRow(ctx, query).Scan(&s.mark.lsn, &s.mark.at); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE TABLE behind_the_mark (i int)`); err != nil {
		return err
	}
	return source.Archive(ctx, conn)
}

// list learns the labels of the backups.
func (s *site) list(ctx context.Context) error {
	answer, err := s.Ask(ctx, "info", "--output=json")
	if err != nil {
		return err
	}
	info, err := pgbackrest.ParseInfo(answer)
	for _, b := range info.Backups(1) {
		s.labels = append(s.labels, b.Label)
		s.hasDiff = s.hasDiff || b.Type == "diff"
	}
	return err
}

// age makes the repository look hours old.
func (s *site) age(ctx context.Context) error {
	if s.mix.load != idleHours {
		return nil
	}
	return s.run(ctx, "find", filepath.Join(s.Machine.Dir("data"), "repo", "archive"), "-type", "f", "-exec", "touch",
		"-d", "5 hours ago", "{}", "+")
}

// close ends all of it.
func (s *site) close(ctx context.Context) error {
	s.traffic.stop()
	for _, conn := range s.held {
		_ = conn.Close(ctx) // it is given up
	}
	if s.Machine == nil {
		return nil
	}
	err := s.Close(ctx)
	if _, statErr := os.Stat(s.Machine.Dir("data")); statErr == nil {
		err = errors.Join(err, fmt.Errorf("%s is still there", s.Machine.Dir("data")))
	}
	return err
}

// run runs one program where the cluster is, as its user.
func (s *site) run(ctx context.Context, argv ...string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	_, err := s.Machine.Run(ctx, host.Command{Argv: argv})
	return err
}

// sql runs statements in one session.
func (s *site) sql(ctx context.Context, statements ...string) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return source.Each(ctx, conn, statements)
}
