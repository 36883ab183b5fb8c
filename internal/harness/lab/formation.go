package lab

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// The formation: what production is. A monitor of pg_auto_failover and two data nodes, on
// which nothing of pgBackRest is set up: that is what the Ansible role is for.
const (
	monitorNode = "monitor"
	// Database is the formation's, with the users in it.
	Database = "veza"

	formationUsers = 20_000
	formTime       = 2 * time.Minute // initdb, a base backup, a pair that is stable
)

// DataNodes are the formation's, in the order they were made.
var DataNodes = []string{"pg1", "pg2"}

// Machines are those that the playbook is applied to.
var Machines = append([]string{DrillHost}, DataNodes...)

//go:embed units/pgautofailover.service
var autoFailoverUnit string

// FormationData is the data directory on both nodes, the one the role expects.
func (l *Lab) FormationData() string { return l.Major.data("pgaf") }

// setUpMonitor makes the monitor, which is a PostgreSQL of its own.
func setUpMonitor(ctx context.Context, s *site, n node, h host.Host) error {
	return s.monitor(ctx, n, h, autoFailoverNode{s.major, "pgautofailover", "monitor", postgresPort})
}

// setUpData makes a data node; the first one becomes the primary. Addresses instead of
// names: with names no formation came about in pg_auto_failover 2.0.
func setUpData(ctx context.Context, s *site, n node, h host.Host) error {
	if err := s.furnish(ctx, h); err != nil {
		return err
	}
	return s.data(ctx, n, h, s.major, net.JoinHostPort(at(monitorNode), strconv.Itoa(postgresPort)))
}

// autoFailoverNode is one of pg_auto_failover: its unit, and where its cluster is.
type autoFailoverNode struct {
	major      Major
	unit, name string
	port       int
}

func (s *site) monitor(ctx context.Context, n node, h host.Host, a autoFailoverNode) error {
	return s.autoFailover(ctx, h, a, "create", "monitor", "--hostname", n.address())
}

// data makes a data node of the formation whose monitor is at an address.
func (s *site) data(ctx context.Context, n node, h host.Host, m Major, monitor string) error {
	return s.autoFailover(ctx, h, autoFailoverNode{m, "pgautofailover", "pgaf", postgresPort},
		"create", "postgres", "--hostname", n.address(), "--name", n.name, "--dbname", Database, "--pg-hba-lan",
		"--monitor", "postgres://autoctl_node@"+monitor+"/pg_auto_failover")
}

// autoFailover makes a node of pg_auto_failover and runs it as a service.
func (s *site) autoFailover(ctx context.Context, h host.Host, a autoFailoverNode, argv ...string) error {
	ctx, cancel := context.WithTimeout(ctx, formTime)
	defer cancel()
	data := a.major.data(a.name)
	err := root(ctx, h, "install", "-d", "-o", "postgres", "-m", "0755",
		path.Dir(data), runDirectory, directories["run"])
	if err != nil {
		return err
	}
	argv = append([]string{autoctl}, argv...)
	argv = append(argv, "--pgdata", data, "--pgport", strconv.Itoa(a.port), "--auth", "trust", "--no-ssl",
		"--pgctl", a.major.bin()+"/pg_ctl")
	if _, err := h.Run(ctx, host.Command{
		Argv: argv, User: "postgres", Dir: "/", Env: []string{"XDG_RUNTIME_DIR=" + runDirectory},
	}); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv[:3], " "), err)
	}
	return unit(ctx, h, a.unit+".service", strings.ReplaceAll(autoFailoverUnit, "@DATA@", data))
}

const (
	autoctl      = "/usr/bin/pg_autoctl"
	runDirectory = "/run/pgautofailover"
)

// Member is a data node as the monitor sees it.
type Member struct {
	Name     string `json:"nodename"`
	Current  string `json:"current_group_state"`
	Assigned string `json:"assigned_group_state"`
	Health   int    `json:"health"`
}

// Members asks the monitor.
func (l *Lab) Members(ctx context.Context) (all []Member, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	said, err := l.Node(monitorNode).Run(ctx, host.Command{
		Argv: []string{autoctl, "show", "state", "--json", "--pgdata", l.Major.data("monitor")},
		User: "postgres", Dir: "/",
		Env: []string{"XDG_RUNTIME_DIR=" + runDirectory},
	})
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(said.Stdout, &all)
}

// Writable is the name of the data node that takes writes; an error while there is none.
func (l *Lab) Writable(ctx context.Context) (string, error) {
	var name string
	conn, err := l.connect(ctx, l.Formation(), Database)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	if err := conn.QueryRow(ctx, `SELECT host(inet_server_addr())`).Scan(&name); err != nil {
		return "", err
	}
	for _, node := range DataNodes {
		if at(node) == name {
			return node, nil
		}
	}
	return "", fmt.Errorf("the primary answers at %s, which is no node of the lab", name)
}

// Formation is the connection string of the formation's primary, whichever node that is.
func (l *Lab) Formation() string { return primaryOf(DataNodes...) }

// primaryOf is the connection string of whichever of some data nodes is the primary.
func primaryOf(names ...string) string {
	var hosts []string
	for _, name := range names {
		hosts = append(hosts, at(name))
	}
	return fmt.Sprintf("host=%s port=%d user=postgres dbname=%s target_session_attrs=read-write connect_timeout=5",
		strings.Join(hosts, ","), postgresPort, Database)
}

// Stable waits until the monitor says that one node is primary and the other follows it.
func (l *Lab) Stable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, formTime)
	defer cancel()
	return wait.For(ctx, "a stable pair of data nodes", 500*time.Millisecond, func(ctx context.Context) error {
		members, err := l.Members(ctx)
		if err != nil {
			return err
		}
		primaries, followers := 0, 0
		for _, m := range members {
			if m.Current != m.Assigned || m.Health != 1 {
				return fmt.Errorf("%s is %s, to be %s, health %d", m.Name, m.Current, m.Assigned, m.Health)
			}
			switch m.Current {
			case "primary":
				primaries++
			case "secondary":
				followers++
			}
		}
		if primaries != 1 || followers != len(DataNodes)-1 {
			return fmt.Errorf("there are %d primaries and %d that follow", primaries, followers)
		}
		return nil
	})
}

// checkMonitor is nil when all of the formation is as it should be.
func checkMonitor(ctx context.Context, l *Lab, _ node) error { return l.Stable(ctx) }

// checkData is the monitor's: a data node is well when it has its place.
func checkData(ctx context.Context, l *Lab, n node) error {
	members, err := l.Members(ctx)
	for _, m := range members {
		if m.Name == n.name {
			return nil
		}
	}
	return errors.Join(err, errors.New("the monitor does not know it"))
}

// populateFormation fills the formation's database once the pair is stable.
func (l *Lab) populateFormation(ctx context.Context, users int) error {
	if err := l.Stable(ctx); err != nil {
		return err
	}
	conn, err := l.connect(ctx, l.Formation(), Database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return source.Load(ctx, conn, users)
}
