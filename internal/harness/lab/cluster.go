package lab

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/wait"
)

// Cluster is an Incus cluster of two members inside the lab, each a machine of its own in it, that sandboxes are put on
// as the cluster decides. It is there when the lab was made with CLUSTER=2.
type Cluster struct {
	Conf    string   // INCUS_CONF: of a client that may do everything there
	Remote  string   // what that calls it
	Members []string // nodes of the lab
	Group   string   // of the last member alone
}

// members are the cluster's machines; the first begins it.
var members = []node{{name: "member1"}, {name: "member2"}}

const (
	memberImage = "veza-lab/member"
	clusterTime = 5 * time.Minute // all of it, with the copy of an image
	memberGroup = "drill"
)

// nested lets a container run containers of its own (facts: a two-member cluster).
var nested = map[string]string{"security.nesting": "true", "security.privileged": "true"}

// daemonScript starts the daemon in a member. Where control groups are of version 1, systemd leaves two of them as
// links that lead nowhere, and no container would start.
const daemonScript = `[ -e /sys/fs/cgroup/cgroup.controllers ] || {
	mount -o remount,rw /sys/fs/cgroup
	for c in cpu cpuacct; do
		mountpoint -q /sys/fs/cgroup/$c && continue
		rm -f /sys/fs/cgroup/$c; mkdir -p /sys/fs/cgroup/$c; mount -t cgroup -o $c $c /sys/fs/cgroup/$c
	done
}
systemctl start lxcfs incus && incus admin waitready --timeout 60`

// MakeCluster adds the cluster to the lab; one that is there stays.
func (l *Lab) MakeCluster(ctx context.Context, say Say) error {
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	release, err := acquire(lockFile)
	if err != nil {
		return err
	}
	defer release() //nolint:errcheck // the kernel does it at the latest
	if _, err = l.Cluster(ctx); err == nil {
		say("the cluster is there already")
		return nil
	}
	say("making a cluster of %d members", len(members))
	for i := range members {
		if err = l.makeMember(ctx, i); err != nil {
			return fmt.Errorf("member %s: %w", members[i].name, err)
		}
	}
	say("copying the image of the sandboxes to it")
	return l.letIntoCluster(ctx)
}

// makeMember makes one machine of the cluster; what is left of one that was not finished goes first.
func (l *Lab) makeMember(ctx context.Context, i int) error {
	n := members[i]
	if err := l.nodes.Open(n.name).Destroy(ctx); err != nil {
		return err
	}
	devices, err := n.allDevices()
	if err != nil {
		return err
	}
	config := map[string]string{"raw.lxc": n.raw() + "\nlxc.apparmor.profile = unconfined"}
	maps.Copy(config, nested)
	h, err := l.nodes.Create(ctx, incus.Instance{Name: n.name, Image: memberImage, Devices: devices, Config: config})
	if err != nil {
		return err
	}
	if err = booted(ctx, h); err != nil {
		return err
	}
	if err = root(ctx, h, "sh", "-c", daemonScript); err != nil {
		return err
	}
	return l.join(ctx, i, h)
}

// clusterConf is the directory that holds a client's configuration of the cluster.
func (p places) clusterConf() string { return filepath.Join(p.state, "cluster") }

// Cluster finds the one of this lab. The error says what to type when there is none.
func (l *Lab) Cluster(ctx context.Context) (Cluster, error) {
	c := Cluster{Conf: l.places.clusterConf(), Remote: Remote, Group: memberGroup}
	states, err := l.daemon.statuses(ctx)
	if err != nil {
		return c, err
	}
	for _, n := range members {
		if states[n.name] != api.Running {
			return c, fmt.Errorf("the lab has no cluster (%s does not run): make lab-up CLUSTER=2", n.name)
		}
		c.Members = append(c.Members, n.name)
	}
	if _, err = os.Stat(filepath.Join(c.Conf, "config.yml")); err != nil {
		return c, fmt.Errorf("the lab has no cluster (%w): make lab-up CLUSTER=2", err)
	}
	return c, nil
}

// StartMember starts a member of the cluster that was stopped, and waits until its daemon answers.
func (l *Lab) StartMember(ctx context.Context, name string) error {
	if err := l.daemon.power(ctx, name, "start", api.Running); err != nil {
		return err
	}
	h := l.Node(name)
	if err := booted(ctx, h); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	return wait.For(ctx, "the daemon of "+name, time.Second, func(ctx context.Context) error {
		return root(ctx, h, "sh", "-c", daemonScript)
	})
}
