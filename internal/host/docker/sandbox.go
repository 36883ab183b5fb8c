package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Sandbox is a container with the directories of a sandbox in it.
type Sandbox struct {
	*Host
	image   string
	chosen  bool     // the image was named, and is not the one of a version
	network *network // the only one it is on; nil: it has no network card

	naming sync.Mutex
	name   string // changes when it is kept
}

// Name is the container's name at this moment.
func (s *Sandbox) Name() string {
	s.naming.Lock()
	defer s.naming.Unlock()
	return s.name
}

var (
	_ sandbox.Sandbox  = (*Sandbox)(nil)
	_ sandbox.Isolated = (*Sandbox)(nil)
	_ sandbox.Enterer  = (*Sandbox)(nil)
	_ host.Imaged      = (*Sandbox)(nil)
)

// Image is the image's name.
func (s *Sandbox) Image() string { return s.image }

// OtherImage says how an image with a major version of PostgreSQL is made and taken.
func (s *Sandbox) OtherImage(major string) string {
	build := "`" + howToBuild(sandboxImage+major) + "`"
	if s.chosen {
		return "leave out -image (DRILL_IMAGE): the backup's version chooses an image, which " + build + " builds"
	}
	return build + " builds one that has it"
}

// build makes the directories.
func (s *Sandbox) build(ctx context.Context) error {
	err := s.Furnish(ctx)
	if errors.Is(err, guest.ErrNoUser) {
		return reason.Errorf(reason.ImageMissing,
			"%w, so PostgreSQL is not in its image: `make images` builds one that has it", err)
	}
	return failed(err)
}

// keptName is the name of a container that is kept: what it was called, and until when.
var keptName = regexp.MustCompile(`^/?(.+)-kept-([0-9]+)$`)

// Keep renames the container so that its name says until when no reaper may touch it
// (labels cannot be changed), and takes it off its network: that one goes with the run.
func (s *Sandbox) Keep(ctx context.Context, until time.Time) error {
	if err := s.Alive(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s.naming.Lock()
	defer s.naming.Unlock()
	name := s.Host.Name() + "-kept-" + guest.Unix(until)
	if _, err := s.engine.ContainerRename(ctx, s.id, client.ContainerRenameOptions{NewName: name}); err != nil {
		return failed(err)
	}
	s.name = name
	if s.network == nil {
		return nil
	}
	_, err := s.engine.NetworkDisconnect(ctx, s.network.id,
		client.NetworkDisconnectOptions{Container: s.id, Force: true})
	return failed(err)
}

// Gone says what is left of the sandbox, nil when nothing is.
func (s *Sandbox) Gone(ctx context.Context) error {
	c, err := s.state(ctx)
	switch {
	case err == nil:
		return failed(fmt.Errorf("container %s is still there (%s)", s.Name(), c.State.Status))
	case errdefs.IsNotFound(err):
		return nil
	}
	return failed(err)
}

// Enter is what to type on this machine to run a command inside, as user postgres.
func (s *Sandbox) Enter(command string) string {
	return fmt.Sprintf("docker exec -it -u %s -w / %s sh -c %s", host.ServiceUser, s.Name(), guest.Quote(command))
}

// Isolated proves that the container has no network card, or is on one network alone,
// which leads nowhere and on which only the object store and the run's own machines are.
func (s *Sandbox) Isolated(ctx context.Context) (string, error) {
	if err := s.Alive(); err != nil {
		return "", err
	}
	c, err := s.state(ctx)
	if err != nil {
		return "", failed(err)
	}
	if s.network == nil {
		if c.HostConfig.NetworkMode != "none" {
			return "", reason.Errorf(reason.IsolationBreached, "container %s is on network %s", s.Name(),
				c.HostConfig.NetworkMode)
		}
		return "it has no network card", s.cut(ctx)
	}
	for name, on := range c.NetworkSettings.Networks {
		if on.NetworkID != s.network.id {
			return "", reason.Errorf(reason.IsolationBreached, "container %s is on network %s besides its own",
				s.Name(), name)
		}
	}
	return "its network leads nowhere, and only the object store and machines of this run are on it", s.network.sealed(
		ctx, s.engine,
	)
}

// cut looks from inside: lo is the only interface, and no route leads anywhere else.
func (s *Sandbox) cut(ctx context.Context) error {
	said, err := s.Script(ctx, []string{"sh", "-c", guest.EgressScript}, nil)
	if err != nil {
		return failed(fmt.Errorf("interfaces and routes of %s are not known: %w", s.Name(), err))
	}
	if found := guest.FirstEgress(string(said)); found != "" {
		return reason.Errorf(reason.IsolationBreached, "container %s is not cut off: %s", s.Name(), found)
	}
	return nil
}
