package guest

import "strings"

// EgressScript prints the interfaces of a machine, an empty line, and its routes. The kernel
// may put devices of its tunnel modules into every network namespace: those that are down
// are left out.
const EgressScript = `cd /sys/class/net; for n in *; do case $n in
	tunl0|sit0|gre0|gretap0|erspan0|ip_vti0|ip6tnl0|ip6_vti0|ip6gre0) 
		[ "$(cat "$n/operstate")" = down ] && continue;; esac; echo "$n"; done
	echo; ip -4 route show table all; ip -6 route show table all`

// FirstEgress is the first interface or route that is not lo's, "" for none: a list of
// interfaces, an empty line, and routes as ip(8) prints them.
func FirstEgress(text string) string {
	interfaces, routes, ok := strings.Cut(text, "\n\n")
	if !ok || strings.TrimSpace(interfaces) == "" {
		return "no list of interfaces"
	}
	for _, name := range strings.Fields(interfaces) {
		if name != "lo" {
			return "interface " + name
		}
	}
	for line := range strings.Lines(routes) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(" "+line+" ", " dev lo ") {
			return "route " + line
		}
	}
	return ""
}
