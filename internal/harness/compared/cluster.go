package compared

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

// Bounds of what is done to a cluster.
const (
	makeTime    = 15 * time.Minute
	commandTime = 3 * time.Minute
)

// stanza of the cluster, which is the only one here.
const stanza = "demo"

// cluster is a production with a standby, which takes its place at a failover.
type cluster struct {
	*source.Seeded
	say func(format string, args ...any)
}

// within has a cluster as long as do works on it.
func within(ctx context.Context, o Options, do func(*cluster) error) (err error) {
	c, err := open(ctx, o.Provider, func(format string, args ...any) { fmt.Fprintf(o.Lines, format+"\n", args...) })
	defer func() {
		if c.Machine != nil {
			err = errors.Join(err, c.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err != nil {
		return err
	}
	return do(c)
}

// open makes a cluster and its standby. What it started is ended by Close, also after an error.
func open(ctx context.Context, provider sandbox.Provider, say func(string, ...any)) (*cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, makeTime)
	defer cancel()
	machine, err := provider.Launch(ctx, sandbox.Spec{Stanza: stanza, Run: "compared"})
	c := &cluster{say: say, Seeded: &source.Seeded{
		Machine: machine, Stanza: stanza, Rows: 5000, Options: []string{"cipher-type=none", "compress-type=gz"},
		Settings: []string{
			"archive_timeout=4", "max_prepared_transactions=20", "max_connections=60", "autovacuum_naptime=2",
		},
	}}
	if err != nil {
		c.Machine = nil
		return c, err
	}
	_, err = c.Open(ctx, func(string, ...any) {})
	return c, err
}

func (c *cluster) conf() string        { return filepath.Join(c.Machine.Dir("etc"), "pgbackrest.conf") }
func (c *cluster) data() string        { return filepath.Join(c.Machine.Dir("data"), "pg") }
func (c *cluster) standbyData() string { return filepath.Join(c.Machine.Dir("data"), "standby") }

// way is the libpq string of the standby.
func (c *cluster) way() string {
	return fmt.Sprintf("host=%s port=5433 user=postgres dbname=postgres sslmode=disable", c.Machine.Dir("run"))
}

// sql runs statements in one session of a database.
func (c *cluster) sql(ctx context.Context, database string, statements ...string) error {
	conn, err := c.ConnectTo(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return source.Each(ctx, conn, statements)
}

// run runs one program where the cluster is, as its user.
func (c *cluster) run(ctx context.Context, argv ...string) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	_, err := c.Machine.Run(ctx, host.Command{Argv: argv})
	return err
}

func (c *cluster) ctl(ctx context.Context, data string, args ...string) error {
	return c.run(ctx, append([]string{filepath.Join(c.BinDir, "pg_ctl"), "-s", "-w", "-D", data}, args...)...)
}

// inOrder runs stages until one fails.
func inOrder(stages ...func() error) error {
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// failOver lets the primary die in the middle of its work, promotes the standby in its place, on a new timeline, and
// makes another standby of it.
func (c *cluster) failOver(ctx context.Context) error {
	return inOrder(
		func() error { return c.ctl(ctx, c.data(), "stop", "-m", "immediate") },
		func() error { return c.ctl(ctx, c.standbyData(), "stop", "-m", "fast") },
		func() error { return c.run(ctx, "rm", "-rf", c.data()) },
		func() error { return c.run(ctx, "mv", c.standbyData(), c.data()) },
		func() error { return c.Start(ctx) },
		func() error { return c.ctl(ctx, c.data(), "promote") },
		func() error { return c.Archive(ctx) },
		func() error { return c.Follow(ctx) },
	)
}
