package inside

import "strings"

// WayOut is the first interface or route that is not lo's, "" for none: a list of
// interfaces, an empty line, and routes as ip(8) prints them.
func WayOut(text string) string {
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
