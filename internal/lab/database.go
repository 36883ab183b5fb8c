package lab

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path"
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
type machine struct{ host.Host }

var directories = map[string]string{
	"data": "/var/lib/postgresql", "tblspc": "/var/lib/postgresql/tblspc", "run": "/run/postgresql", "etc": etc,
	"log": "/var/log/pgbackrest", "lock": "/tmp/pgbackrest", "spool": "/var/spool/pgbackrest",
}

// Dir is a directory of the machine, Keep and Gone are for sandboxes.
func (machine) Dir(name string) string                { return directories[name] }
func (machine) Keep(context.Context, time.Time) error { return nil }
func (machine) Gone(context.Context) error            { return nil }

// seeded is the cluster of a database node, for its commands and sessions.
func seeded(h host.Host) *source.Seeded {
	return &source.Seeded{Machine: machine{h}, Stanza: Stanza, CAFile: path.Join(etc, caFile)}
}

// setUpDatabase makes a cluster with backups and leaves it running, as services:
// it beats and archives for as long as the lab is up, through restarts of the node.
func setUpDatabase(ctx context.Context, s *site, _ node, h host.Host) error {
	if err := root(ctx, h, "install", "-d", "-o", "postgres", "-m", "0755",
		etc, directories["data"], directories["run"], directories["log"], directories["spool"]); err != nil {
		return err
	}
	cluster := seeded(h)
	cluster.Store, cluster.Rows = s.store, s.rows
	repository, err := cluster.Open(ctx, s.say)
	if err != nil {
		return err
	}
	if s.conf, err = h.Read(ctx, repository.Conf); err != nil {
		return err
	}
	if err := cluster.Stop(ctx); err != nil { // its beats are this process's
		return err
	}
	s.say("starting PostgreSQL and heartbeat as services")
	return serve(ctx, h, cluster.BinDir)
}

// serve lets systemd run the cluster and the heartbeat. The superuser may come in from
// the bridge without a password: there is nothing in it, and nobody but this machine.
func serve(ctx context.Context, h host.Host, bin string) error {
	data := path.Join(directories["data"], "pg")
	hba := path.Join(data, "pg_hba.conf")
	content, err := h.Read(ctx, hba)
	if err != nil {
		return err
	}
	content = fmt.Appendf(content, "host all all %s trust\n", subnet)
	if err := h.Put(ctx, hba, content, 0o600, ""); err != nil {
		return err
	}
	if err := h.Put(ctx, "/etc/veza/heartbeat.sql", []byte(source.Beat+"\n\\watch 1\n"), 0o644, "root"); err != nil {
		return err
	}
	fill := strings.NewReplacer("@BIN@", bin, "@DATA@", data, "@RUN@", directories["run"]).Replace
	if err := unit(ctx, h, "veza-postgresql.service", fill(postgresUnit)); err != nil {
		return err
	}
	return unit(ctx, h, "veza-heartbeat.service", fill(heartbeatUnit))
}

// checkDatabase looks for a young beat, and for a segment that cannot be archived.
func checkDatabase(ctx context.Context, l *Lab, _ node) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	conn, err := l.Connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return wait.For(ctx, "a young beat", 200*time.Millisecond, func(ctx context.Context) error {
		var age float64
		var failing bool
		if err := conn.QueryRow(ctx, `SELECT extract(epoch FROM clock_timestamp() - (SELECT max(beat_at) FROM public.veza_heartbeat))::float8,
			coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) FROM pg_stat_archiver`).Scan(&age, &failing); err != nil {
			return wait.Stop(err)
		}
		switch {
		case failing:
			return wait.Stop(fmt.Errorf("the last WAL segment was not archived: see journalctl -u veza-postgresql on node %s", databaseNode))
		case age > beatLimit.Seconds():
			return fmt.Errorf("the newest beat is %.0f s old", age)
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
