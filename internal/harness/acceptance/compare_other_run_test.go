package acceptance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// A segment of the same place and cluster that tells of another life: every checksum in it is right, and replay goes on
// after it. Only the rows are others.
func TestCompareOtherRun(t *testing.T) { otherRunFaults.run(t) }

var otherRunFaults = faults("TestCompareOtherRun", otherRun, []fault{{
	name: "OneSegment", args: against("5433", "full"), exit: 1, why: reason.DataDiffers, step: "verify",
	words: "1 of | public.note in database kept: blocks from 0 on: 100 rows in both, and not the same ones",
}})

// otherRun is a cluster with a standby, in whose archive one segment was written by a copy of the cluster.
var otherRun = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*seedTime)
	defer cancel()
	c, err := newCluster(ctx, &source.Seeded{Rows: 1000, Settings: []string{"autovacuum=off"}}, "otherrun")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	before := filepath.Join(c.Machine.Dir("data"), "before")
	var was moment
	err = inOrder(
		func() error { return c.sql(ctx, "postgres", `CREATE DATABASE kept`) },
		func() error {
			return c.sql(ctx, "kept", `CREATE TABLE note (id int, body text)`,
				`INSERT INTO note SELECT i, 'note ' || i FROM generate_series(1, 100) i`, `CHECKPOINT`)
		},
		func() error { return c.Follow(ctx) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return c.archive(ctx) },
		func() error { return c.Stop(ctx) },
		func() error { return c.command(ctx, "cp", "-a", c.data(), before) },
		func() error { return c.Start(ctx) },
		func() (err error) { was, err = live(ctx, c.connect, "note true"); return err },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.endAtABorder(ctx) },
		func() error { return c.archiveAnother(ctx, before, was) },
	)
	if err != nil {
		return liveSeed{c, nil}, err
	}
	s, err := c.freeze(ctx, "otherrun", marks)
	if err == nil {
		s.names["full"], s.names["standby"] = s.backups[len(s.backups)-1].Label, c.socket()
	}
	return liveSeed{c, s}, err
})

// moment is where a change ended in WAL, and the segment that holds it.
type moment struct{ end, segment string }

// live changes one row, and ends the segment.
func live(ctx context.Context, connect func(context.Context, string) (*pgx.Conn, error), body string) (
	l moment, err error,
) {
	conn, err := connect(ctx, "kept")
	if err != nil {
		return l, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	_, err = conn.Exec(ctx, `UPDATE note SET body = $1 WHERE id = 77`, body)
	const where = `SELECT pg_current_wal_insert_lsn()::text, pg_walfile_name(pg_current_wal_insert_lsn()),
		pg_switch_wal()::text`
	var ended string
	return l, cmp.Or(err, conn.QueryRow(ctx, where).Scan(&l.end, &l.segment, &ended))
}

// archiveAnother has a copy of the cluster live another life up to the same byte, and puts its segment in the place of
// the true one. The server's own records (a snapshot for standbys each 15 s) can come in between: then it lives again.
func (c *cluster) archiveAnother(ctx context.Context, before string, was moment) error {
	dir := filepath.Join(c.Machine.Dir("data"), "other")
	for try := 1; ; try++ {
		is, err := c.liveElsewhere(ctx, before, dir)
		if err != nil {
			return err
		}
		if is == was {
			break
		}
		if try == 20 {
			return fmt.Errorf("20 other lives ended elsewhere, the last one at %v, not at %v", is, was)
		}
	}
	found, err := filepath.Glob(filepath.Join(c.Machine.Dir("data"), "repo/archive/*/*/*", was.segment+"-*"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s is in the repository as %q", was.segment, found)
	}
	if err != nil {
		return err
	}
	return cmp.Or(os.Remove(found[0]), c.Pgbackrest(ctx, "archive-push", filepath.Join(dir, "pg_wal", was.segment)))
}

// liveElsewhere is one such life, of a server of its own.
func (c *cluster) liveElsewhere(ctx context.Context, before, dir string) (l moment, err error) {
	ctl := func(args ...string) error {
		return c.command(ctx, append([]string{filepath.Join(c.BinDir, "pg_ctl"), "-s", "-w", "-D", dir}, args...)...)
	}
	connect := func(ctx context.Context, database string) (*pgx.Conn, error) {
		config, unknown := c.Standby()
		if unknown != nil {
			return nil, unknown
		}
		config.Port, config.Database = 5440, database
		return pgx.ConnectConfig(ctx, config)
	}
	// Another number of senders would be a record of its own.
	options := "-c port=5440 -c autovacuum=off -c max_wal_senders=3 -c archive_command=/bin/false " +
		"-c listen_addresses='' -c unix_socket_directories=" + c.socket()
	err = inOrder(
		func() error { return c.command(ctx, "rm", "-rf", dir) },
		func() error { return c.command(ctx, "cp", "-a", before, dir) },
		func() error { return ctl("start", "-l", dir+".log", "-o", options) },
		func() (err error) { l, err = live(ctx, connect, "note fake"); return err },
	)
	return l, errors.Join(err, ctl("stop", "-m", "immediate"))
}
