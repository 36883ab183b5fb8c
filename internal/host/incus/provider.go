package incus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

const (
	sandboxName = "pg-restore-drill"
	maxNames    = 50 // how many sandboxes there may be at once
)

// Provider makes sandboxes that are ephemeral containers of an Incus daemon.
type Provider struct {
	Remote  string // of the incus command's configuration; "" is the daemon of this machine
	Project string // "" is default
	Target  string // member, or @GROUP of members, of a cluster; "" is whichever the cluster takes
	Image   string // "" is veza-drill/MAJOR
	Memory  int64  // bytes; 0 is no limit
	CPUs    int64  // 0 is no limit
	Disk    int64  // bytes; 0 is twice what the data needs, at least 10 GiB
	Install bool   // the image may lack even PostgreSQL's user

	Connection *Connection // that providers of one run have in common; nil asks each time
}

var _ sandbox.Provider = Provider{}

// Environment is the info metric's word for this provider.
func (Provider) Environment() string { return "incus" }

// Launch makes an ephemeral container without a network card; proxies to the object stores
// are its only way out, and are there once Ready says so. Errors are sandbox_failed, image_missing, disk_space,
// repo_unreachable (a store's name leads nowhere), config_invalid, or no_backup (a folder is not there).
func (p Provider) Launch(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	d, err := p.connect(ctx)
	if err != nil {
		return nil, failed(err)
	}
	if err = d.aim(ctx, p.Target); err != nil {
		return nil, failed(err)
	}
	made, err := p.plan(ctx, d, spec)
	if err != nil {
		return nil, failed(err)
	}
	h, err := d.inRoom(ctx, spec, func() (*Host, error) { return d.createFree(ctx, made.instance) })
	if h == nil {
		return nil, failed(err)
	}
	s := &Sandbox{Host: h, image: made.instance.Image}
	if err == nil {
		err = s.provision(ctx, p, made)
	}
	return s, failed(err)
}

// createFree makes the instance under the first name that is free. Asking first would be of no
// use: somebody may take the name in between.
func (d *Daemon) createFree(ctx context.Context, i Instance) (*Host, error) {
	for n := 1; n <= maxNames; n++ {
		i.Name = sandboxName
		if n > 1 {
			i.Name += "-" + strconv.Itoa(n)
		}
		h, err := d.Create(ctx, i)
		if !errors.Is(err, errTaken) {
			return h, err
		}
	}
	return nil, reason.Errorf(reason.SandboxFailed,
		"%s has %d sandboxes already: look at `incus list %s%s%s` and remove them with `%s`", d.place, maxNames,
		d.prefix, sandboxName, d.options, strings.Join(append(slices.Clone(d.variables), "testprom -reap"), " "))
}

// provision makes of a running container what the drill expects.
func (s *Sandbox) provision(ctx context.Context, p Provider, made plan) error {
	if p.Install {
		script := `id -u "$1" >/dev/null 2>&1 ||
			useradd --system --user-group --home-dir /var/lib/postgresql --shell /bin/bash "$1"`
		if _, err := s.Script(ctx, []string{"sh", "-c", script, "sh", host.ServiceUser}, nil); err != nil {
			return fmt.Errorf("user %s: %w", host.ServiceUser, err)
		}
	}
	if made.owner != (ids{}) {
		uid, gid := made.owner.words()
		if _, err := s.Script(ctx, []string{"sh", "-c", become, "sh", host.ServiceUser, uid, gid}, nil); err != nil {
			return fmt.Errorf("user %s with the ids %s:%s of the repository: %w", host.ServiceUser, uid, gid, err)
		}
	}
	if err := s.build(ctx); err != nil {
		return err
	}
	if err := s.Put(ctx, "/etc/hosts", []byte(guest.Hosts(s.Name(), made.stores)), 0o644, guest.RootUser); err != nil {
		return err
	}
	return s.makeEgress(made.stores)
}

// lead adds the ways to the object stores; lo must be up for that.
func (s *Sandbox) lead(ctx context.Context, stores []guest.Store) error {
	if len(stores) == 0 {
		return nil
	}
	script := `for a; do case $a in *:*) ip -6 addr add "$a/128" dev lo nodad;;
		*) ip addr add "$a/32" dev lo;; esac || exit; done`
	if foreign := guest.Literals(stores); len(foreign) > 0 {
		if _, err := s.Script(ctx, append([]string{"sh", "-c", script, "sh"}, foreign...), nil); err != nil {
			return fmt.Errorf("addresses of the object stores: %w", err)
		}
	}
	if err := s.patch(ctx, change{Devices: proxies(stores)}); err != nil {
		return fmt.Errorf("proxies to the object stores: %w", err)
	}
	return nil
}
