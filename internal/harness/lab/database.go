package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// databaseNode is PostgreSQL with pgBackRest.
const databaseNode = "db1"

var (
	//go:embed units/postgresql.service
	postgresUnit string
	//go:embed units/heartbeat.service
	heartbeatUnit string
)

// machine is a database node as package source sees it: where the Debian packages put
// things, and production has them.
type machine struct {
	host.Host
	address string
}

var directories = map[string]string{
	"data": "/var/lib/postgresql", "tblspc": "/var/lib/postgresql/tblspc", "run": "/run/postgresql", "etc": etc,
	"log": "/var/log/pgbackrest", "lock": "/tmp/pgbackrest", "spool": "/var/spool/pgbackrest",
}

// Dir is a directory of the machine, Keep and Gone are for sandboxes.
func (machine) Dir(name string) string                { return directories[name] }
func (machine) Keep(context.Context, time.Time) error { return nil }
func (machine) Gone(context.Context) error            { return nil }

// Dial goes by the bridge, whatever socket is meant: there is one server on the node,
// and a way to its socket would be a device that stays.
func (m machine) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(m.address, strconv.Itoa(postgresPort)))
}

// The files of the services.
const (
	hbaFile  = "/etc/veza/pg_hba.conf"
	beatFile = "/etc/veza/heartbeat.sql"
	// wakeCheckpointer goes before the first heartbeat row. The checkpointer begins while the
	// cluster still starts, sleeps a whole checkpoint_timeout then, and looks at
	// archive_timeout only when it wakes: without this nothing is archived for 5 minutes.
	wakeCheckpointer = "CHECKPOINT;\n"
	beatScript       = wakeCheckpointer + source.HeartbeatRow + "\n\\watch 1\n"
)

// settings let this machine in, by the bridge, as the superuser and without a
// password: nobody else is there, and nothing in it is worth one.
var (
	settings = []string{"listen_addresses=*", "hba_file=" + hbaFile}
	hba      = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all " + subnet + " trust\n"
)

// seeded is the cluster of a database node, for its commands and sessions.
func seeded(h host.Host, n node) *source.Seeded {
	return &source.Seeded{
		Machine: machine{h, n.address()}, Stanza: Stanza, Settings: settings, CAFile: path.Join(etc, caFile),
	}
}

// setUpDatabase makes a cluster with backups and leaves it running, as services:
// it writes heartbeat rows and archives for as long as the lab is up, through restarts of the node.
func setUpDatabase(ctx context.Context, s *site, n node, h host.Host) error {
	if err := root(ctx, h, "install", "-d", "-o", "postgres", "-m", "0755",
		etc, directories["data"], directories["run"], directories["log"], directories["spool"]); err != nil {
		return err
	}
	if err := h.Put(ctx, hbaFile, []byte(hba), 0o644, "root"); err != nil {
		return err
	}
	cluster := seeded(h, n)
	cluster.Store, cluster.Rows = s.store, s.rows
	repository, err := cluster.Open(ctx, s.say)
	if err != nil {
		return err
	}
	if s.conf, err = h.Read(ctx, repository.Conf); err != nil {
		return err
	}
	if err := cluster.Stop(ctx); err != nil { // this process writes its heartbeat rows
		return err
	}
	s.say("starting PostgreSQL and heartbeat as services")
	return serve(ctx, h, cluster.BinDir)
}

// serve lets systemd run the cluster and the heartbeat.
func serve(ctx context.Context, h host.Host, bin string) error {
	if err := h.Put(ctx, beatFile, []byte(beatScript), 0o644, "root"); err != nil {
		return err
	}
	fill := strings.NewReplacer("@BIN@", bin, "@DATA@", path.Join(directories["data"], "pg"), "@RUN@",
		directories["run"],
		"@BEAT@", beatFile, "@SETTINGS@", "-c "+strings.Join(settings, " -c ")).Replace
	if err := unit(ctx, h, "veza-postgresql.service", fill(postgresUnit)); err != nil {
		return err
	}
	return unit(ctx, h, "veza-heartbeat.service", fill(heartbeatUnit))
}

// checkDatabase wants a young heartbeat row, and an archive that is not stuck.
func checkDatabase(ctx context.Context, l *Lab, _ node) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	conn, err := l.Connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	nudged := false
	return wait.For(ctx, "a young heartbeat row and an archive that goes on", 200*time.Millisecond,
		func(ctx context.Context) error {
			var age float64
			var stuck bool
			if err := conn.QueryRow(ctx, `SELECT
				extract(epoch FROM clock_timestamp() - (SELECT max(beat_at) FROM public.veza_heartbeat))::float8,
				coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL)
				FROM pg_stat_archiver`).Scan(&age, &stuck); err != nil {
				return wait.Stop(err)
			}
			if stuck && !nudged { // after an outage of the store it would wait for a minute before it tries again
				nudged = true
				if _, err := conn.Exec(ctx, `SELECT pg_switch_wal()`); err != nil {
					return wait.Stop(err)
				}
			}
			switch {
			case stuck:
				return errors.New("the last WAL segment could not be archived: journalctl -u veza-postgresql says why")
			case age > beatLimit.Seconds():
				return fmt.Errorf("the newest heartbeat row is %.0f s old: journalctl -u veza-heartbeat says why", age)
			}
			return nil
		})
}

// readConf is the conf that leads to the lab from this machine.
func (p places) readConf() (string, []byte, error) {
	file, err := p.active()
	if err != nil {
		return "", nil, err
	}
	content, err := os.ReadFile(file)
	return file, content, err
}
