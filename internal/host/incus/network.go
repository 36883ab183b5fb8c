package incus

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
)

// cardName is the device, and the interface inside, that is there while packages are fetched.
const cardName = "eth0"

// card is a network card for a container, and what it takes to use it without a DHCP client.
type card struct {
	device  map[string]string
	address netip.Prefix // zero: only DHCP can tell
	gateway netip.Addr
}

// card is the network card of the project's default profile, else one on the only bridge.
func (d *Daemon) card(ctx context.Context) (card, error) {
	profile, err := d.defaultProfile(ctx)
	if err != nil {
		return card{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(profile.Devices)) {
		device := maps.Clone(profile.Devices[name])
		if device["type"] != "nic" {
			continue
		}
		device["name"] = cardName
		if device["network"] == "" {
			return card{device: device}, nil
		}
		return d.cardOn(ctx, device["network"], device)
	}
	var networks []api.Network
	if err := d.get(ctx, "/1.0/networks?recursion=1", &networks); err != nil {
		return card{}, err
	}
	networks = slices.DeleteFunc(networks, func(n api.Network) bool { return !n.Managed || n.Type != "bridge" })
	if len(networks) != 1 {
		return card{}, reason.Errorf(
			reason.SandboxFailed,
			"%s has %d bridges of its own, and its default profile has no network card: "+
				"name one with `incus profile device add %sdefault eth0 nic network=BRIDGE%s`, "+
				"or use an image that has the packages",
			d.place,
			len(networks),
			d.prefix,
			d.options,
		)
	}
	return d.cardOn(ctx, networks[0].Name,
		map[string]string{"type": "nic", "name": cardName, "network": networks[0].Name})
}

// cardOn is a card on a network of the daemon's, with an address that is free there.
func (d *Daemon) cardOn(ctx context.Context, name string, device map[string]string) (card, error) {
	var network api.Network
	if err := d.get(ctx, "/1.0/networks/"+escape(name), &network); err != nil {
		return card{}, err
	}
	prefix, err := netip.ParsePrefix(network.Config["ipv4.address"])
	if err != nil {
		return card{device: device}, nil //nolint:nilerr // no range of its own: DHCP must tell
	}
	var leases []api.NetworkLease
	if err = d.get(ctx, "/1.0/networks/"+escape(name)+"/leases", &leases); err != nil && !notFound(err) {
		return card{}, err
	}
	used := []string{prefix.Addr().String()}
	for _, lease := range leases {
		used = append(used, lease.Address)
	}
	address, err := unused(prefix, used)
	return card{device, address, prefix.Addr()}, err
}

// unused is an address of the upper half of a network that nobody is known to have. It is
// drawn by lot: two sandboxes may look at once.
func unused(network netip.Prefix, used []string) (netip.Prefix, error) {
	bits := network.Addr().BitLen() - network.Bits()
	base := network.Masked().Addr()
	for range 1000 {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(max(bits-1, 0))))
		if err != nil {
			return netip.Prefix{}, err
		}
		n.SetBit(n, max(bits-1, 0), 1)
		sum := n.Add(n, new(big.Int).SetBytes(base.AsSlice()))
		address, ok := netip.AddrFromSlice(sum.FillBytes(make([]byte, len(base.AsSlice()))))
		last := !network.Contains(address.Next()) // the broadcast address
		if ok && !last && network.Contains(address) && !slices.Contains(used, address.String()) {
			return netip.PrefixFrom(address, network.Bits()), nil
		}
	}
	return netip.Prefix{}, reason.Errorf(reason.SandboxFailed, "network %s has no free address", network)
}

// plug adds the card, and gives it an address inside.
func (s *Sandbox) plug(ctx context.Context, c card) error {
	if err := s.patch(ctx, change{Devices: map[string]map[string]string{cardName: c.device}}); err != nil {
		return err
	}
	address, gateway := "", ""
	if c.address.IsValid() {
		address, gateway = c.address.String(), c.gateway.String()
	}
	script := `set -e; ip link set "$1" up; ip link show "$1" >/dev/null
		if [ -n "$2" ]; then ip addr add "$2" dev "$1"; ip route add default via "$3"
		elif command -v dhclient; then timeout 30 dhclient -1 "$1"
		elif command -v udhcpc; then timeout 30 udhcpc -n -q -i "$1"
		elif command -v dhcpcd; then timeout 30 dhcpcd -1 -4 "$1"
		else echo "no DHCP client, and the network is not one of Incus': use an image that has the packages" >&2
		exit 1; fi >/dev/null`
	if _, err := s.Script(ctx, []string{"sh", "-c", script, "sh", cardName, address, gateway}, nil); err != nil {
		return fmt.Errorf("network card: %w", err)
	}
	if address == "" {
		return nil
	}
	return s.Put(ctx, "/etc/resolv.conf", []byte(resolvers(gateway, s.daemon.here)), 0o644, guest.RootUser)
}

// resolvers is a resolv.conf: the gateway, and on this machine those it asks itself.
func resolvers(gateway string, local bool) string {
	lines := []string{"nameserver " + gateway}
	own, _ := os.ReadFile("/etc/resolv.conf") // a machine without one asks nobody
	for line := range strings.Lines(string(own)) {
		f := strings.Fields(line)
		if local && len(f) == 2 && f[0] == "nameserver" && !net.ParseIP(f[1]).IsLoopback() && len(lines) < 3 {
			lines = append(lines, "nameserver "+f[1])
		}
	}
	return strings.Join(append(lines, "options timeout:3"), "\n") + "\n"
}

// unplug removes the card, whatever has become of it.
func (s *Sandbox) unplug(ctx context.Context) error {
	i, err := s.state(ctx)
	if err != nil {
		return err
	}
	put := i.Writable()
	delete(put.Devices, cardName)
	return s.daemon.operate(ctx, http.MethodPut, s.path(), put)
}
