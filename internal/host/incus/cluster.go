package incus

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
)

// thisMember is a target: the member that this host is.
const thisMember = "."

// aim says where new instances are made: target is a member of the cluster, @GROUP of members, or thisMember; "" leaves
// it to the cluster's own scheduler. A daemon on its own takes no other target than itself. What a cluster makes is on
// another machine, unless this very member is named: no directory and no socket of this one is in reach of it.
func (d *Daemon) aim(ctx context.Context, target string) error {
	server, err := d.about(ctx)
	if err != nil {
		return err
	}
	if !server.Environment.ServerClustered {
		if target != "" && target != thisMember {
			return reason.Errorf(reason.ConfigInvalid, "-incus-target %s: %s is no cluster: leave it out", target,
				d.place)
		}
		return nil
	}
	if target == thisMember {
		if !d.here {
			return reason.Errorf(reason.ConfigInvalid, "-incus-target %s: this host is no member of the cluster of %s",
				target, d.place)
		}
		target = server.Environment.ServerName
	}
	d.member, d.target = server.Environment.ServerName, target
	d.here = d.here && target == d.member
	return nil
}

// aimed is the path to make an instance by, with the target in it.
func (d *Daemon) aimed(path string) string {
	if d.target == "" {
		return path
	}
	return path + "?target=" + url.QueryEscape(d.target)
}

// settled remembers which member an instance was put on. That nothing is said of it is no reason to stop.
func (h *Host) settled(ctx context.Context) {
	if h.daemon.member == "" {
		return
	}
	if i, err := h.state(ctx); err == nil {
		h.member = i.Location
	}
}

// Member is the member of a cluster that the container is on, "" where there is no cluster.
func (h *Host) Member() string { return h.member }

// lost says that a sandbox is on a member that the cluster has lost: its name is all that is known of it then, and
// nobody can remove it before the member is back. "" is any other instance.
func lost(i api.Instance) string {
	if i.StatusCode != api.Error || len(i.Config) > 0 || i.Location == "" || !strings.HasPrefix(i.Name, sandboxName) {
		return ""
	}
	return fmt.Sprintf("left %s alone: %s, the member of the cluster that it is on, does not answer", i.Name,
		i.Location)
}
