package lab

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	incusclient "github.com/lxc/incus/v6/client"
	"golang.org/x/sync/errgroup"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/source"
)

// DefaultRows is how many users the database has unless one asks for another number.
const DefaultRows = source.DefaultRows

// upTime bounds all of Up; a million users take a few minutes.
const upTime = 20 * time.Minute

// Say prints one line of progress.
type Say func(format string, args ...any)

// site is a lab in the making.
type site struct {
	daemon *daemon
	places places
	major  Major
	rows   int
	say    Say

	nodes   *incus.Daemon
	letting sync.Mutex         // one machine is made a client of the daemon at a time
	store   *objectstore.Store // the store's node makes it, the database's uses it
	conf    []byte             // the database's pgbackrest.conf
}

// Up makes the lab of a major version of PostgreSQL, with a number of users in its database.
// One that is up already stays as it is, and is an error when it is of another version; what
// is there and does not work is removed and made anew.
func Up(ctx context.Context, major Major, rows int, say Say) (*Lab, error) {
	ctx, cancel := context.WithTimeout(ctx, upTime)
	defer cancel()
	release, err := acquire(lockFile)
	if err != nil {
		return nil, err
	}
	defer release() //nolint:errcheck // the kernel does it at the latest
	s := &site{major: major, rows: rows, say: say}
	if s.places, err = usual(); err != nil {
		return nil, err
	}
	if s.daemon, err = connect(ctx); err != nil {
		return nil, err
	}
	l, err := s.alive(ctx)
	switch {
	case err == nil && l.Major != major:
		return nil, fmt.Errorf("the lab is up, and of PostgreSQL %d: make lab-down removes it", l.Major)
	case err == nil:
		say("the lab is up already, with %s users", l.users)
		return l, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	if !errors.Is(err, errNothing) {
		say("making the lab anew: %v", err)
	}
	if err := s.ingredients(ctx); err != nil {
		return nil, err
	}
	if err := remove(ctx, s.daemon, s.places); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, fmt.Errorf("%w\nwhat was made so far is still there: "+
			"make lab-up makes it anew, make lab-down removes it", err)
	}
	say("the lab is up")
	return open(ctx, s.daemon, s.places)
}

// errNothing: there is nothing to make anew.
var errNothing = errors.New("there is no lab")

// alive is the lab that is up, every node proved to do what it is for. What it needs of
// this machine is put back where it was lost.
func (s *site) alive(ctx context.Context) (*Lab, error) {
	if _, err := s.daemon.project(ctx); errors.Is(err, errDown) {
		return nil, errNothing
	}
	l, err := open(ctx, s.daemon, s.places)
	if err != nil {
		return nil, err
	}
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	if err := s.places.restore(); err != nil {
		return nil, err
	}
	if err := l.Check(ctx); err != nil {
		return nil, err
	}
	return open(ctx, s.daemon, s.places) // the conf may have changed its place
}

// ingredients are asked for before anything is removed or made.
func (s *site) ingredients(ctx context.Context) error {
	for _, major := range Majors(s.major) {
		err := s.daemon.ask(ctx, func(server incusclient.InstanceServer) error {
			_, _, err := server.GetImageAlias(major.image())
			return err
		})
		if missing(err) {
			return fmt.Errorf("there is no image %s: make image KIND=node PG_MAJOR=%d builds it", major.image(), major)
		}
		if err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if _, err := n.allDevices(); err != nil {
			return err
		}
	}
	return nil
}

// build makes a lab where there is none.
func (s *site) build(ctx context.Context) error {
	s.say("making project %s and network %s (%s)", Project, bridge, subnet)
	if err := s.daemon.makeRoom(ctx); err != nil {
		return err
	}
	if err := s.reach(ctx); err != nil {
		return err
	}
	if err := s.populate(ctx); err != nil {
		return err
	}
	if _, err := s.places.install(own(s.conf), s.store.CA); err != nil {
		return err
	}
	if err := s.daemon.setReady(ctx, strconv.Itoa(s.rows), s.major); err != nil {
		return err
	}
	l, err := open(ctx, s.daemon, s.places)
	if err != nil {
		return err
	}
	s.say("loading %d users into the formation", formationUsers)
	if err := l.populateFormation(ctx, formationUsers); err != nil {
		return err
	}
	s.say("checking that all of it works")
	return l.Check(ctx)
}

// populate launches the nodes, and sets them up.
func (s *site) populate(ctx context.Context) (err error) {
	if s.nodes, err = incus.Connect(ctx, "", Project); err != nil {
		return err
	}
	if err = s.places.sshKeys(ctx); err != nil {
		return err
	}
	hosts, err := s.launch(ctx, nodes)
	if err != nil {
		return err
	}
	return s.setUpAll(ctx, hosts, plainLane, formationLane, nextLane)
}

// setUpAll sets up some lanes, all at once.
func (s *site) setUpAll(ctx context.Context, hosts map[string]host.Host, numbers ...int) error {
	lanes, ctx := errgroup.WithContext(ctx)
	for _, number := range numbers {
		lanes.Go(func() error { return s.setUp(ctx, lane(number), hosts) })
	}
	return lanes.Wait()
}

// setUp sets up the nodes of one lane, one after the other.
func (s *site) setUp(ctx context.Context, some []node, hosts map[string]host.Host) error {
	for _, n := range some {
		s.say("setting up %s (%s)", n.name, n.address())
		if err := n.setUp(ctx, s, n, hosts[n.name]); err != nil {
			return fmt.Errorf("set up node %s: %w", n.name, err)
		}
	}
	return nil
}

// reach lets this machine and the nodes find each other.
func (s *site) reach(ctx context.Context) error {
	if _, err := setHosts(hostsFile, hostLines(nodes)); err != nil {
		return err
	}
	return besideDocker(ctx)
}

// launch creates and starts nodes, all at once.
func (s *site) launch(ctx context.Context, some []node) (map[string]host.Host, error) {
	s.say("launching %d nodes", len(some))
	hosts, errs := make([]host.Host, len(some)), make([]error, len(some))
	var launching sync.WaitGroup
	for i, n := range some {
		launching.Go(func() { hosts[i], errs[i] = s.create(ctx, n) })
	}
	launching.Wait()
	named := map[string]host.Host{}
	for i, n := range some {
		named[n.name] = hosts[i]
	}
	return named, errors.Join(errs...)
}

func (s *site) create(ctx context.Context, n node) (host.Host, error) {
	devices, err := n.allDevices()
	if err != nil {
		return nil, err
	}
	h, err := s.nodes.Create(ctx, incus.Instance{
		Name: n.name, Image: n.image(s.major), Devices: devices, Config: map[string]string{"raw.lxc": n.raw()},
	})
	if err != nil {
		return nil, err
	}
	return h, booted(ctx, h)
}
