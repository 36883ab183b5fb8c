package prodtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wait"
)

// Bounds on machines and units.
const (
	commandTime = time.Minute
	unitTime    = 15 * time.Minute // a backup, a check, a drill or a control of this small formation
)

// on runs a command as root on a machine; it must not fail.
func (p *production) on(t *testing.T, machine string, argv ...string) string {
	t.Helper()
	said, err := p.try(t.Context(), machine, argv...)
	require.NoError(t, err, "%s: %v", machine, argv)
	return said
}

func (p *production) try(ctx context.Context, machine string, argv ...string) (string, error) {
	return p.within(ctx, commandTime, machine, argv...)
}

func (p *production) within(ctx context.Context, limit time.Duration, machine string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := p.lab.Node(machine).Run(ctx, host.Command{Argv: argv, User: "root", Dir: "/"})
	return strings.TrimSpace(string(result.Stdout)), err
}

// psql asks one data node by its socket.
func (p *production) psql(t *testing.T, node, query string) string {
	t.Helper()
	return p.on(t, node, "runuser", "-u", "postgres", "--", "psql", "-XAtqc", query)
}

// started is when PostgreSQL was started, on both nodes.
func (p *production) started(t *testing.T) (all []string) {
	t.Helper()
	for _, node := range lab.DataNodes {
		all = append(all, p.psql(t, node, "SELECT pg_postmaster_start_time()"))
	}
	return all
}

// state is what systemd says of a service after a run.
type state struct {
	Active, Result, Status, Invocation string
}

func (p *production) state(ctx context.Context, machine, unit string) (s state, err error) {
	said, err := p.try(ctx, machine, "systemctl", "show", unit+".service",
		"-p", "ActiveState", "-p", "Result", "-p", "ExecMainStatus", "-p", "InvocationID")
	for line := range strings.Lines(said) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "ActiveState":
			s.Active = value
		case "Result":
			s.Result = value
		case "ExecMainStatus":
			s.Status = value
		case "InvocationID":
			s.Invocation = value
		}
	}
	return s, err
}

// after waits for the end of the run of a service that something starts: a timer, or systemctl.
func (p *production) after(t *testing.T, machine, unit string, start func()) state {
	t.Helper()
	defer took(t, machine+": "+unit)()
	before, err := p.state(t.Context(), machine, unit)
	require.NoError(t, err)
	start()
	var now state
	ctx, cancel := context.WithTimeout(t.Context(), unitTime)
	defer cancel()
	err = wait.For(ctx, unit+" on "+machine+" to end", 300*time.Millisecond, func(ctx context.Context) (err error) {
		if now, err = p.state(ctx, machine, unit); err != nil {
			return err
		}
		switch {
		case now.Invocation == before.Invocation:
			return errors.New("it has not begun")
		case now.Active != "inactive" && now.Active != "failed":
			return fmt.Errorf("it is %s", now.Active)
		}
		return nil
	})
	if err != nil || now.Result != "success" && now.Result != "exec-condition" {
		t.Logf("journal of %s: %s", unit,
			p.on(t, machine, "journalctl", "--no-pager", "-o", "cat", "-n", "60", "-u", unit+".service"))
	}
	require.NoError(t, err)
	return now
}

// byTimer lets a service's timer start it now: the timer is as the role made it but for its
// calendar.
func (p *production) byTimer(t *testing.T, machine, unit string) state {
	t.Helper()
	undo := func() {}
	result := p.after(t, machine, unit, func() { undo = p.startByTimer(t, machine, unit) })
	undo()
	return result
}

// startByTimer has the timer start it; undo gives it its calendar back.
func (p *production) startByTimer(t *testing.T, machine, unit string) (undo func()) {
	t.Helper()
	dir := "/run/systemd/system/" + unit + ".timer.d"
	reload := func() {
		p.on(t, machine, "systemctl", "daemon-reload")
		p.on(t, machine, "systemctl", "restart", unit+".timer")
	}
	drop := []byte("[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\nPersistent=false\n")
	p.on(t, machine, "mkdir", "-p", dir)
	require.NoError(t, p.lab.Node(machine).Put(t.Context(), dir+"/now.conf", drop, 0o644, "root"))
	reload()
	return func() {
		p.on(t, machine, "rm", "-r", dir)
		reload()
	}
}

// byHand starts a service as an operator does.
func (p *production) byHand(t *testing.T, machine, unit string) state {
	t.Helper()
	return p.after(t, machine, unit, func() { p.on(t, machine, "systemctl", "start", "--no-block", unit+".service") })
}
