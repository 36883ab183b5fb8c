package incus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Sandbox is a container with the directories of a sandbox in it.
type Sandbox struct {
	*Host
	image  string
	egress *egress // nil: none are made
}

var (
	_ sandbox.Sandbox   = (*Sandbox)(nil)
	_ sandbox.Installer = (*Sandbox)(nil)
	_ sandbox.Isolated  = (*Sandbox)(nil)
	_ sandbox.Enterer   = (*Sandbox)(nil)
	_ sandbox.Findable  = (*Sandbox)(nil)
	_ host.Imaged       = (*Sandbox)(nil)
	_ host.Placed       = (*Sandbox)(nil)
)

// Image is the image's name.
func (s *Sandbox) Image() string { return s.image }

// OtherImage says how an image with a major version of PostgreSQL is made.
func (s *Sandbox) OtherImage(major string) string {
	return "`" + howToBuild(imagePrefix+major) + "` builds one that has it, another -image may have it"
}

// build makes the directories, for the default user alone, and brings up the loopback
// interface: no init does that in a container without a network.
func (s *Sandbox) build(ctx context.Context) error {
	if err := s.Furnish(ctx); errors.Is(err, guest.ErrNoUser) {
		return reason.Errorf(reason.ImageMissing,
			"%w, so PostgreSQL is not in its image: another -image has it, or -install fetches it", err)
	} else if err != nil {
		return failed(err)
	}
	if _, err := s.Script(ctx, []string{"ip", "link", "set", "lo", "up"}, nil); err != nil {
		return failed(fmt.Errorf("loopback interface of %s: %w", s.name, err))
	}
	return nil
}

// Keep writes into the tags until when no reaper may touch the sandbox.
func (s *Sandbox) Keep(ctx context.Context, until time.Time) error {
	if err := s.Alive(); err != nil {
		return err
	}
	if err := s.Settled(ctx); err != nil {
		return err
	}
	return failed(s.patch(ctx, change{Config: map[string]string{keyKept: "true", keyExpires: guest.Unix(until)}}))
}

// Gone says what is left of the sandbox, nil when nothing is.
func (s *Sandbox) Gone(ctx context.Context) error {
	i, err := s.state(ctx)
	switch {
	case err == nil:
		err = fmt.Errorf("instance %s is still there (%s)", s.name, i.Status)
	case notFound(err):
		err = nil
	}
	s.proxying.Lock()
	defer s.proxying.Unlock()
	if s.sockets != "" {
		if _, err2 := os.Lstat(s.sockets); !errors.Is(err2, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("%s is still there", s.sockets))
		}
	}
	return failed(err)
}

// Enter is what to type on this machine to run a command inside, as user postgres.
func (s *Sandbox) Enter(command string) string {
	return fmt.Sprintf("incus exec %s%s%s --cwd / -- su -s /bin/sh %s -c %s", s.daemon.prefix, s.name, s.daemon.options,
		host.ServiceUser, guest.Quote(command))
}

// Variables are those that lead testprom to it.
func (s *Sandbox) Variables() []string { return s.daemon.variables }

// Isolated proves that the container has no network card, lo is its only interface, and no
// route leads anywhere else.
func (s *Sandbox) Isolated(ctx context.Context) (string, error) {
	if err := s.Alive(); err != nil {
		return "", err
	}
	i, err := s.state(ctx)
	if err != nil {
		return "", failed(err)
	}
	for name, device := range i.ExpandedDevices {
		if device["type"] == "nic" {
			return "", reason.Errorf(reason.IsolationBreached, "instance %s has a network card (device %s)", s.name,
				name)
		}
	}
	var stdout, stderr bytes.Buffer
	code, err := s.AsRoot(ctx, []string{"sh", "-c", guest.EgressScript},
		guest.Streams{Stdout: &stdout, Stderr: &stderr})
	if err != nil || code != 0 {
		return "", failed(
			fmt.Errorf("interfaces and routes of %s: exit status %d: %s: %w", s.name, code, stderr.String(),
				errors.Join(err, errUnknown)),
		)
	}
	if found := guest.FirstEgress(stdout.String()); found != "" {
		return "", reason.Errorf(reason.IsolationBreached, "instance %s is not cut off: %s", s.name, found)
	}
	return "it has no network card", nil
}

var errUnknown = errors.New("they are not known")
