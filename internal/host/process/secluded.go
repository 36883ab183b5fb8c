package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"veza.fr/recovery/internal/host"
)

// secluded is a host whose commands run in a network namespace of their own, in which nothing is
// up, not even loopback. Files are the same, and so are sockets that have a path.
type secluded struct{ *Host }

var _ host.Host = (*secluded)(nil)

// WithoutNetwork is this host with commands that reach no address. It is an error where the
// kernel or the unit the drill runs in (RestrictNamespaces) does not allow that.
func (h *Host) WithoutNetwork(ctx context.Context) (host.Host, error) {
	ctx, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	apart := &secluded{h}
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("network namespaces: %w", err)
	}
	theirs, err := apart.Run(ctx, host.Command{Argv: []string{"readlink", "/proc/self/ns/net"}})
	if err != nil {
		return nil, fmt.Errorf("a network namespace of its own: %w", err)
	}
	if strings.TrimSpace(string(theirs.Stdout)) == ours {
		return nil, errors.New("a network namespace of its own: the command is in ours")
	}
	return apart, nil
}

// Run runs a command as Host does, without a network. A user who is not root needs a user
// namespace for that, in which everybody is who they were.
func (s *secluded) Run(ctx context.Context, c host.Command) (host.Result, error) {
	return s.run(ctx, c, func(a *syscall.SysProcAttr) {
		a.Cloneflags |= syscall.CLONE_NEWNET
		if os.Geteuid() != 0 {
			a.Cloneflags |= syscall.CLONE_NEWUSER
			a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
			a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		}
	})
}
