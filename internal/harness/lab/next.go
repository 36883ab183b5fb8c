package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// The next Debian with its PostgreSQL, whatever the lab is of: one machine that is the
// monitor, the only node of a formation and the drill's host at once. The roles are applied
// to it in every run of the tests, so that what they claim to know is known.
const (
	Next                = "next"
	NextMajor     Major = 17
	nextUsers           = 1000
	nextMonitor         = 5433 // the formation's own port belongs to the data node
	nextMonitored       = "pgautofailover-monitor"
)

// setUpNext makes it, with some users in its database and a way to Incus.
func setUpNext(ctx context.Context, s *site, n node, h host.Host) error {
	if err := s.furnish(ctx, h); err != nil {
		return err
	}
	if err := s.monitor(ctx, n, h, autoFailoverNode{NextMajor, nextMonitored, "monitor", nextMonitor}); err != nil {
		return err
	}
	monitor := net.JoinHostPort(n.address(), strconv.Itoa(nextMonitor))
	if err := s.data(ctx, n, h, NextMajor, monitor); err != nil {
		return err
	}
	l := &Lab{}
	if err := wait.For(ctx, "PostgreSQL on node "+n.name, 200*time.Millisecond, func(ctx context.Context) error {
		return checkNext(ctx, l, n)
	}); err != nil {
		return err
	}
	conn, err := l.connect(ctx, primaryOf(n.name), Database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	return errors.Join(source.Load(ctx, conn, nextUsers), s.letIn(ctx, h))
}

// checkNext wants its PostgreSQL to be of the version that is meant, and writable.
func checkNext(ctx context.Context, l *Lab, n node) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	conn, err := l.connect(ctx, primaryOf(n.name), Database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is in flight
	var version int
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int / 10000`).Scan(&version)
	if err == nil && Major(version) != NextMajor {
		err = fmt.Errorf("PostgreSQL %d runs there", version)
	}
	return err
}
