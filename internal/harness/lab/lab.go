package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

const postgresPort = 5432

// Lab is the one that is up on this machine.
type Lab struct {
	// Conf is the pgbackrest.conf that leads to it: the host's own, or the lab's copy
	// where somebody else's is at that place.
	Conf   string
	Stanza string
	// Repository is the directory of it, on the object store's node.
	Repository string
	// Major is what its nodes run, but for the machine Next.
	Major Major

	places  places
	daemon  *daemon
	nodes   *incus.Daemon
	users   string // how many were loaded
	secrets []string
}

// Open finds the lab that is up. The error says what to type when there is none.
func Open(ctx context.Context) (*Lab, error) {
	d, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	p, err := usual()
	if err != nil {
		return nil, err
	}
	return open(ctx, d, p)
}

func open(ctx context.Context, d *daemon, p places) (*Lab, error) {
	project, err := d.project(ctx)
	if err != nil {
		return nil, err
	}
	l := &Lab{Stanza: Stanza, places: p, daemon: d, users: project.Config[ready]}
	if l.users == "" {
		return nil, fmt.Errorf("%w (it was not finished)", errDown)
	}
	major, err := strconv.Atoi(project.Config[majorKey])
	if err != nil { // it is an older checkout's
		return nil, fmt.Errorf("%w (it does not say of which PostgreSQL it is)", errDown)
	}
	l.Major = Major(major)
	file, content, err := p.readConf()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%w)", errDown, err)
	}
	if err != nil {
		return nil, err
	}
	conf, err := pgbackrest.ParseConfig(file, content)
	if err != nil {
		return nil, err
	}
	l.Conf, l.secrets = file, conf.Secrets()
	repo := conf.Repo(l.Stanza, 1)
	l.Repository = path.Join(minioData, repo.Option("s3-bucket"), repo.Path())
	l.nodes, err = incus.Connect(ctx, "", Project)
	return l, err
}

// Check is nil when every node does what it is there for: the store answers to its
// name, the database writes heartbeat rows and archives.
func (l *Lab) Check(ctx context.Context) error { return l.check(ctx, nodes) }

// CheckPlain is Check without the formation, which the story of production switches off and
// makes anew while other tests use the rest of the lab.
func (l *Lab) CheckPlain(ctx context.Context) error { return l.check(ctx, lane(plainLane)) }

func (l *Lab) check(ctx context.Context, some []node) error {
	states, err := l.daemon.statuses(ctx)
	if err != nil {
		return err
	}
	for _, n := range some {
		if states[n.name] != api.Running {
			return fmt.Errorf("node %s is not running", n.name)
		}
		if err := n.check(ctx, l, n); err != nil {
			return fmt.Errorf("node %s: %w", n.name, err)
		}
	}
	return nil
}

// Secrets are the values that must show up nowhere: key and secret of the store, and
// the passphrase of the repository.
func (l *Lab) Secrets() []string { return l.secrets }

// Addresses are those of the nodes that this machine reaches, and a sandbox must not.
func (l *Lab) Addresses() []string {
	ports := map[string]int{storeNode: storePort, databaseNode: postgresPort}
	var all []string
	for _, n := range nodes {
		if port := ports[n.name]; port != 0 {
			all = append(all, net.JoinHostPort(n.address(), strconv.Itoa(port)))
		}
	}
	return append(all, net.JoinHostPort(databaseNode+"."+zone, strconv.Itoa(postgresPort)))
}

// Node is a machine of the lab, for commands and files. It must not be destroyed, and for
// the database Connect is better than its Dial, which leaves a device on the node.
func (l *Lab) Node(name string) host.Host { return l.nodes.Open(name) }

// Stop cuts a node's power.
func (l *Lab) Stop(ctx context.Context, name string) error {
	return l.daemon.power(ctx, name, "stop", api.Stopped)
}

// Start starts a node that was stopped, and waits until it does what it is there for.
func (l *Lab) Start(ctx context.Context, name string) error {
	n, err := find(name)
	if err != nil {
		return err
	}
	if err := l.daemon.power(ctx, name, "start", api.Running); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	return wait.For(ctx, "node "+name, 100*time.Millisecond,
		func(ctx context.Context) error { return n.check(ctx, l, n) })
}

// Primary is the connection string of the database, for libpq and for -primary.
func (l *Lab) Primary() string {
	return fmt.Sprintf("host=%s.%s port=%d user=postgres dbname=postgres", databaseNode, zone, postgresPort)
}

// Connect opens a session of the superuser in a database.
func (l *Lab) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return l.connect(ctx, l.Primary()+" connect_timeout=10", database)
}

func (l *Lab) connect(ctx context.Context, server, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(server + " sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.Database, config.Password = database, ""
	return pgx.ConnectConfig(ctx, config)
}

// SQL runs one statement in a database and returns its rows.
func (l *Lab) SQL(ctx context.Context, database, query string, args ...any) ([][]any, error) {
	conn, err := l.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
}

// Pgbackrest runs a command on the database's node as user postgres, with its conf and
// stanza, and returns its standard output.
func (l *Lab) Pgbackrest(ctx context.Context, args ...string) ([]byte, error) {
	n, err := find(databaseNode)
	if err != nil {
		return nil, err
	}
	return seeded(l.Node(databaseNode), n).Ask(ctx, args...)
}

// Archive ends the segment that is being written, and waits until it is in the archive.
func (l *Lab) Archive(ctx context.Context) error {
	conn, err := l.Connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return source.Archive(ctx, conn)
}
