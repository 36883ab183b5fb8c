package acceptance

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// inOrder runs stages until one fails.
func inOrder(stages ...func() error) error {
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// cluster is a seeded source that goes on living: it fails over, is renamed, is
// misconfigured.
type cluster struct {
	*source.Seeded
	user string // the bootstrap superuser's name at this moment
}

func (c *cluster) data() string   { return filepath.Join(c.Machine.Dir("data"), "pg") }
func (c *cluster) socket() string { return c.Machine.Dir("run") }

// command runs one program of the cluster's machine, as the user of the cluster.
func (c *cluster) command(ctx context.Context, argv ...string) error {
	_, err := c.Machine.Run(ctx, host.Command{Argv: argv})
	return err
}

func (c *cluster) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.User, config.Database = c.socket(), 5432, c.user, database
	config.Password, config.Fallbacks = "", nil
	return pgx.ConnectConfig(ctx, config)
}

// sql runs statements in a session of their own.
func (c *cluster) sql(ctx context.Context, database string, statements ...string) error {
	conn, err := c.connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return source.Each(ctx, conn, statements)
}

// note remembers the present moment under a name.
func (c *cluster) note(ctx context.Context, marks map[string]mark, name string) error {
	m, err := c.mark(ctx)
	marks[name] = m
	return err
}

// mark is a moment of the cluster: what a recovery that stops there must bring back.
type mark struct {
	users int
	lsn   string
	at    time.Time
}

func (c *cluster) mark(ctx context.Context) (m mark, err error) {
	conn, err := c.connect(ctx, "postgres")
	if err != nil {
		return m, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	const query = `SELECT (SELECT count(*) FROM users), pg_current_wal_insert_lsn()::text, clock_timestamp()`
	err = conn.QueryRow(ctx, query).Scan(&m.users, &m.lsn, &m.at)
	return m, err
}

// grow adds users and archives the segment they are in.
const moreUsers = `INSERT INTO users SELECT i, 'more' || i || '@example.org', 'More', now()
	FROM generate_series((SELECT max(id) + 1 FROM users), (SELECT max(id) + 100 FROM users)) i`

func (c *cluster) grow(ctx context.Context) error {
	if err := c.sql(ctx, "postgres", moreUsers); err != nil {
		return err
	}
	return c.archive(ctx)
}

// archive switches to a new segment and waits until the one before is in the repository.
func (c *cluster) archive(ctx context.Context) error {
	conn, err := c.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	var segment string
	// When there was nothing to switch it is a border, which versions name differently: the byte before
	// it is in the segment that is complete.
	if err := conn.QueryRow(ctx, `SELECT pg_walfile_name(pg_switch_wal() - 1)`).Scan(&segment); err != nil {
		return err
	}
	return wait.For(ctx, segment+" to be archived", 20*time.Millisecond, func(ctx context.Context) error {
		var done bool
		const query = `SELECT coalesce(left(last_archived_wal, 24) >= $1, false) FROM pg_stat_archiver`
		if err := conn.QueryRow(ctx, query, segment).Scan(&done); err != nil {
			return wait.Stop(err)
		}
		if !done {
			return fmt.Errorf("not yet")
		}
		return nil
	})
}
