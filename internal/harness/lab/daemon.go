package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	incus "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/wait"
)

// Bounds on the daemon.
const (
	callTime   = 20 * time.Second // one question, or change that is made before it is answered
	removeTime = time.Minute      // all of the lab
	stateTime  = 30 * time.Second // a node that starts or stops
)

// ready is the key of the project that says that `up` came to its end; it holds the number of users.
const ready = "user.veza-lab.ready"

// majorKey is the one that holds the major version of PostgreSQL on its nodes.
const majorKey = "user.veza-lab.major"

// errDown: there is no lab, or half of one.
var errDown = errors.New("the lab is not up: make lab-up")

// daemon is this machine's Incus, as far as a lab goes beyond single instances:
// its project, its bridge, the power switch of its nodes.
type daemon struct{ server incus.InstanceServer }

// connect finds out whether the daemon is there at all.
func connect(ctx context.Context) (*daemon, error) {
	server, err := incus.ConnectIncusUnixWithContext(ctx, "", &incus.ConnectionArgs{SkipGetServer: true})
	if err == nil {
		err = (&daemon{server}).ask(ctx, func(s incus.InstanceServer) error {
			_, failure := s.GetProjectNames()
			return failure
		})
	}
	if err != nil {
		return nil, fmt.Errorf("the Incus daemon does not answer: %w: start it with .ci/incus", err)
	}
	return &daemon{server}, nil
}

// ask makes one call that ends with ctx: the client's own know no context, and a
// daemon that hangs must not hang its caller.
func (d *daemon) ask(ctx context.Context, call func(incus.InstanceServer) error) error {
	return d.in(ctx, api.ProjectDefaultName, callTime, call)
}

func (d *daemon) in(
	ctx context.Context, project string, limit time.Duration, call func(incus.InstanceServer) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	server := d.server.UseProject(project)
	if own, ok := server.(*incus.ProtocolIncus); ok { // a copy of its own: WithContext changes its receiver
		server = own.WithContext(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- call(server) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the Incus daemon: %w", context.Cause(ctx))
	}
}

// project is the lab's; errDown when there is none.
func (d *daemon) project(ctx context.Context) (project *api.Project, err error) {
	err = d.ask(ctx, func(s incus.InstanceServer) error {
		project, _, err = s.GetProject(Project)
		return err
	})
	if missing(err) {
		return nil, errDown
	}
	return project, err
}

// features of the lab's projects: instances, profiles and volumes of their own, networks and
// images of the daemon's.
var features = map[string]string{
	"features.networks": "false", "features.images": "false", "features.profiles": "true",
	"features.storage.volumes": "true",
}

// makeRoom makes project and bridge. The bridge belongs to the default project, as all
// do; it leads nowhere but to the nodes, and serves no addresses. An interrupt waits
// for it: the daemon would finish behind our back, and after `down`.
func (d *daemon) makeRoom(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // ask has a bound of its own
	if err := d.ask(ctx, func(s incus.InstanceServer) error {
		return s.CreateProject(api.ProjectsPost{Name: Project, ProjectPut: api.ProjectPut{
			Description: "a small production to drill against (make lab-down removes it)",
			Config:      features,
		}})
	}); err != nil {
		return fmt.Errorf("create project %s: %w", Project, err)
	}
	err := d.ask(ctx, func(s incus.InstanceServer) error {
		return s.CreateNetwork(api.NetworksPost{Name: bridge, Type: "bridge", NetworkPut: api.NetworkPut{
			Description: "nodes of project " + Project,
			Config: map[string]string{
				"ipv4.address": gateway + prefixBits, "ipv4.nat": "false", "ipv4.dhcp": "false", "ipv6.address": "none",
				"dns.mode": "none",
			},
		}})
	})
	if err != nil {
		return fmt.Errorf("create network %s with %s: %w", bridge, subnet, err)
	}
	return nil
}

// setReady notes that everything is there.
func (d *daemon) setReady(ctx context.Context, users string, major Major) error {
	project, err := d.project(ctx)
	if err != nil {
		return err
	}
	project.Config[ready], project.Config[majorKey] = users, strconv.Itoa(int(major))
	return d.ask(ctx, func(s incus.InstanceServer) error { return s.UpdateProject(Project, project.Writable(), "") })
}

// statuses are the nodes there are, and what state each is in.
func (d *daemon) statuses(ctx context.Context) (map[string]api.StatusCode, error) {
	found := map[string]api.StatusCode{}
	err := d.in(ctx, Project, callTime, func(s incus.InstanceServer) error {
		instances, err := s.GetInstances(api.InstanceTypeAny)
		for _, i := range instances {
			found[i.Name] = i.StatusCode
		}
		return err
	})
	return found, err
}

// remove removes the project with all that is in it, and the bridge. An instance may
// still be in the making, by an `up` that was interrupted: it is tried again.
func (d *daemon) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	return wait.For(ctx, "the lab's project and network to be gone", time.Second, func(ctx context.Context) error {
		if err := d.distrust(ctx); err != nil {
			return fmt.Errorf("what the drill host may do: %w", err)
		}
		err := d.in(ctx, api.ProjectDefaultName, removeTime,
			func(s incus.InstanceServer) error { return s.DeleteProjectForce(Project) })
		if err != nil && !missing(err) {
			return fmt.Errorf("project %s: %w", Project, err)
		}
		err = d.ask(ctx, func(s incus.InstanceServer) error { return s.DeleteNetwork(bridge) })
		if err != nil && !missing(err) {
			return fmt.Errorf("network %s: %w", bridge, err)
		}
		return nil
	})
}

// power starts or stops a node and waits until that is done; a stop is that of a
// power cut. A node that is in this state already stays in it.
func (d *daemon) power(ctx context.Context, name, action string, wanted api.StatusCode) error {
	states, err := d.statuses(ctx)
	if err != nil || states[name] == wanted {
		return err
	}
	err = d.in(ctx, Project, stateTime, func(s incus.InstanceServer) error {
		op, failure := s.UpdateInstanceState(name, api.InstanceStatePut{
			Action: action, Timeout: -1, Force: action == "stop",
		}, "")
		if failure != nil {
			return failure
		}
		return op.Wait()
	})
	if err != nil {
		return fmt.Errorf("%s node %s: %w", action, name, err)
	}
	return nil
}

func missing(err error) bool { return api.StatusErrorCheck(err, http.StatusNotFound) }
