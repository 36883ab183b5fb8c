package lab

import "fmt"

// Names of the lab, the same on every machine: there is one lab a machine.
const (
	// Project is the Incus project all of its instances are in.
	Project = "veza-lab"
	// Stanza is the name of its backups.
	Stanza = "veza"

	bridge = "vezalab0"
	zone   = "lab.veza.test"
	// prefix is a part of 198.18/15 (RFC 2544), which no real network uses; Incus'
	// own bridge often has the first.
	prefix     = "198.19.77."
	gateway    = prefix + "1"
	subnet     = prefix + "0/24"
	prefixBits = "/24"
)

// numbers are the last of each node's address.
var numbers = map[string]byte{
	storeNode: 10, databaseNode: 11, monitorNode: 20, "pg1": 21, "pg2": 22, DrillHost: 30, Next: 40,
	"member1": 51, "member2": 52,
}

// at is the address of a node.
func at(name string) string { return fmt.Sprintf("%s%d", prefix, numbers[name]) }

// Address is that of a node, from this machine and from the other nodes.
func Address(name string) string { return at(name) }

// address and fqdn are where a node is and what it is called.
func (n node) address() string { return at(n.name) }
func (n node) fqdn() string    { return n.name + "." + zone }

// raw gives the container its address before its init starts: nothing inside has to
// be set up, and it is there half a second after the start.
func (n node) raw() string {
	return fmt.Sprintf("lxc.net.0.ipv4.address = %s%s\nlxc.net.0.ipv4.gateway = %s", n.address(), prefixBits, gateway)
}

// hostLines are the lines of /etc/hosts that name the nodes.
func hostLines(nodes []node) []string {
	var lines []string
	for _, n := range nodes {
		lines = append(lines, fmt.Sprintf("%s %s", n.address(), n.fqdn()))
	}
	return lines
}
