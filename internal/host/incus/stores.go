package incus

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Bounds on finding an object store.
const (
	lookupTime = 10 * time.Second
	answerTime = 2 * time.Second // of one of its addresses, where there are several
)

// store is one object store as the sandbox sees it: a name that leads to a loopback
// address of its own, so that certificates match, and a proxy from there to the store.
type store struct {
	host, port string
	inside     netip.Addr // where it is inside
	target     string     // HOST:PORT outside, an address
}

// layout gives every name an address inside: localhost has its own, an address stays
// what it is, and any other name gets the next free one of 127.0.0.0/8.
func layout(addresses []sandbox.Address) ([]store, error) {
	var stores []store
	given := map[string]netip.Addr{}
	for _, a := range addresses {
		if literal, err := netip.ParseAddr(bare(a.Host)); err == nil {
			given[bare(a.Host)] = literal.Unmap()
		}
	}
	for _, a := range addresses {
		s := store{host: bare(a.Host), port: a.Port}
		if _, err := strconv.ParseUint(s.port, 10, 16); err != nil || s.host == "" {
			return nil, reason.Errorf(reason.ConfigInvalid, "object store %q, port %q: a name and a number are needed", a.Host, a.Port)
		}
		if _, ok := given[s.host]; !ok {
			given[s.host] = free(s.host, given)
		}
		s.inside = given[s.host]
		if !slices.ContainsFunc(stores, func(o store) bool { return o.inside == s.inside && o.port == s.port }) {
			stores = append(stores, s)
		}
	}
	return stores, nil
}

// bare is a host name without case, brackets and the root's dot.
func bare(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// free is the address inside for a name.
func free(host string, given map[string]netip.Addr) netip.Addr {
	address := netip.MustParseAddr("127.0.0.1")
	if host == "localhost" {
		return address
	}
	for {
		address = address.Next()
		used := false
		for _, other := range given {
			used = used || other == address
		}
		if !used {
			return address
		}
	}
}

// resolve finds where a store is, on this machine: the sandbox has no resolver. Of several
// addresses the first that answers is taken, of silent ones the first.
func (s *store) resolve(ctx context.Context) error {
	if literal, err := netip.ParseAddr(s.host); err == nil {
		s.target = net.JoinHostPort(literal.Unmap().String(), s.port)
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(bound, s.host)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || len(found) == 0 {
		return reason.Errorf(reason.RepoUnreachable, "object store %s cannot be found from this machine: %w: check its name in the conf, and the resolver", s.host, err)
	}
	s.target = net.JoinHostPort(found[0], s.port)
	if len(found) == 1 {
		return nil
	}
	for _, address := range found {
		target := net.JoinHostPort(address, s.port)
		if conn, err := (&net.Dialer{Timeout: answerTime}).DialContext(ctx, "tcp", target); err == nil {
			s.target = target
			return conn.Close()
		}
	}
	return nil
}

// proxies are the devices that lead to the stores.
func proxies(stores []store) map[string]map[string]string {
	devices := map[string]map[string]string{}
	for n, s := range stores {
		devices[fmt.Sprintf("store-%d", n+1)] = map[string]string{
			"type": "proxy", "bind": "instance",
			"listen":  "tcp:" + net.JoinHostPort(s.inside.String(), s.port),
			"connect": "tcp:" + s.target,
		}
	}
	return devices
}

// hosts is the /etc/hosts of a sandbox. localhost is IPv4 alone: the proxies listen there.
func hosts(own string, stores []store) string {
	lines := []string{"127.0.0.1 localhost", "127.0.1.1 " + own, "::1 ip6-localhost ip6-loopback"}
	for _, s := range stores {
		line := s.inside.String() + " " + s.host
		if _, err := netip.ParseAddr(s.host); err != nil && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// literals are the addresses inside that lo does not have by itself.
func literals(stores []store) []string {
	var found []string
	for _, s := range stores {
		if address := s.inside.String(); !s.inside.IsLoopback() && !slices.Contains(found, address) {
			found = append(found, address)
		}
	}
	return found
}
