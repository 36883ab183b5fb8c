package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wait"
)

// Bounds on the nodes.
const (
	bootTime  = time.Minute      // a container's systemd, on a busy machine
	startTime = time.Minute      // a service
	beatLimit = 10 * time.Second // there is one a second
)

// node is a machine of the lab. To add one, add a line to nodes, with a function that
// puts the files there and starts the services: containers, addresses and names follow.
type node struct {
	name    string
	lane    int
	major   Major // 0: the lab's
	devices func() (map[string]map[string]string, error)
	setUp   func(ctx context.Context, s *site, n node, h host.Host) error // when systemd runs on it
	check   func(ctx context.Context, l *Lab, n node) error               // nil: it does what it is there for
}

// nodes are checked in this order. Those of a lane are set up in it, one after the other,
// while the other lanes go on.
var nodes = []node{
	{name: storeNode, devices: storeDevices, setUp: setUpStore, check: checkStore},
	{name: databaseNode, setUp: setUpDatabase, check: checkDatabase},
	{name: monitorNode, lane: formationLane, setUp: setUpMonitor, check: checkMonitor},
	{name: DataNodes[0], lane: formationLane, devices: exporterDevices, setUp: setUpData, check: checkData},
	{name: DataNodes[1], lane: formationLane, devices: exporterDevices, setUp: setUpData, check: checkData},
	{name: DrillHost, lane: formationLane, devices: drillHostDevices, setUp: setUpDrillHost, check: checkDrillHost},
	{name: Next, lane: nextLane, major: NextMajor, devices: exporterDevices, setUp: setUpNext, check: checkNext},
}

// Renew makes all lanes anew but the first, that of the object store and the plain database.
const (
	plainLane = iota
	formationLane
	nextLane
)

// lane are the nodes of one.
func lane(number int) (some []node) {
	for _, n := range nodes {
		if n.lane == number {
			some = append(some, n)
		}
	}
	return some
}

// find is a node by name.
func find(name string) (node, error) {
	for _, n := range nodes {
		if n.name == name {
			return n, nil
		}
	}
	return node{}, fmt.Errorf("the lab has no node %q", name)
}

// image is what it is launched from, in a lab of a major version.
func (n node) image(lab Major) string {
	if n.major != 0 {
		return n.major.image()
	}
	return lab.image()
}

// allDevices are those of the node, its network card among them.
func (n node) allDevices() (map[string]map[string]string, error) {
	all := map[string]map[string]string{"eth0": {"type": "nic", "network": bridge, "name": "eth0"}}
	if n.devices == nil {
		return all, nil
	}
	more, err := n.devices()
	for name, device := range more {
		all[name] = device
	}
	return all, err
}

// booted waits until systemd takes orders, and tells the node its name and the others'.
func booted(ctx context.Context, h host.Host) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	if err := wait.For(ctx, "systemd on node "+h.Name(), 50*time.Millisecond, func(ctx context.Context) error {
		return root(ctx, h, "systemctl", "show-environment")
	}); err != nil {
		return err
	}
	for _, argv := range [][]string{{"hostname", h.Name()}, {"cp", "/proc/sys/kernel/hostname", "/etc/hostname"}} {
		if err := root(ctx, h, argv...); err != nil {
			return err
		}
	}
	hosts := "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" +
		strings.Join(hostLines(nodes), "\n") + "\n"
	return h.Put(ctx, hostsFile, []byte(hosts), 0o644, "root")
}

// root runs a command as root on a node.
func root(ctx context.Context, h host.Host, argv ...string) error {
	_, err := h.Run(ctx, host.Command{Argv: argv, User: "root", Dir: "/"})
	return err
}

// unit puts a systemd unit on a node and starts it, now and at every boot.
func unit(ctx context.Context, h host.Host, name, content string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := h.Put(ctx, "/etc/systemd/system/"+name, []byte(content), 0o644, "root"); err != nil {
		return err
	}
	for _, argv := range [][]string{{"systemctl", "daemon-reload"}, {"systemctl", "enable", "--now", name}} {
		if err := root(ctx, h, argv...); err != nil {
			log, _ := h.Run(ctx, host.Command{
				Argv: []string{"journalctl", "-n", "20", "--no-pager", "-u", name}, User: "root", Dir: "/",
			})
			return fmt.Errorf("start %s on node %s: %w\n%s", name, h.Name(), err, log.Stdout)
		}
	}
	return nil
}
