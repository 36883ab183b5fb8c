package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"veza.fr/recovery/internal/host"
)

// secluded is a host whose commands reach nobody: they open no connection, and where the
// kernel allows it they are in a network namespace of their own, in which nothing is up, not
// even loopback. Files are the same, and they can listen on sockets that have a path.
type secluded struct {
	*Host
	filter    bool // of system calls
	namespace bool
}

var _ host.Host = (*secluded)(nil)

// WithoutNetwork is this host with commands that reach no address. One of the two ways will do;
// an error is where the kernel, or the unit the drill runs in, allows neither.
func (h *Host) WithoutNetwork(ctx context.Context) (host.Host, error) {
	ctx, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	filtered := h.provesFilter(ctx)
	named := h.provesNamespace(ctx)
	if filtered != nil && named != nil {
		return nil, errors.Join(filtered, named)
	}
	return &secluded{Host: h, filter: filtered == nil, namespace: named == nil}, nil
}

// provesFilter starts a command under the filter, and reads that it is there.
func (h *Host) provesFilter(ctx context.Context) error {
	said, err := (&secluded{Host: h, filter: true}).
		Run(ctx, host.Command{Argv: []string{"cat", "/proc/self/status"}})
	if err == nil && !strings.Contains(string(said.Stdout), "\nSeccomp:\t2\n") { // SECCOMP_MODE_FILTER
		err = errors.New("it was not there")
	}
	if err != nil {
		return fmt.Errorf("a filter of system calls: %w", err)
	}
	return nil
}

// provesNamespace starts a command in a network namespace, and reads that it is another one.
func (h *Host) provesNamespace(ctx context.Context) error {
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return fmt.Errorf("network namespaces: %w", err)
	}
	theirs, err := (&secluded{Host: h, namespace: true}).
		Run(ctx, host.Command{Argv: []string{"readlink", "/proc/self/ns/net"}})
	if err == nil && strings.TrimSpace(string(theirs.Stdout)) == ours {
		err = errors.New("the command is in ours")
	}
	if err != nil {
		return fmt.Errorf("a network namespace of its own: %w", err)
	}
	return nil
}

// Run runs a command as Host does, without a network. A user who is not root needs a user
// namespace to leave that of this machine, in which everybody is who they were.
func (s *secluded) Run(ctx context.Context, c host.Command) (host.Result, error) {
	return s.run(ctx, c, func(cmd *exec.Cmd) error {
		if s.namespace {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
		}
		if s.namespace && os.Geteuid() != 0 {
			uid, gid := os.Geteuid(), os.Getegid()
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		}
		if s.filter {
			return startUnconnected(cmd)
		}
		return cmd.Start()
	})
}
