package guest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// Bounds on finding an object store.
const (
	lookupTime = 10 * time.Second
	answerTime = 2 * time.Second // of one of its addresses, where there are several
)

// Store is one object store as the sandbox sees it: a name that leads to a loopback
// address of its own, so that certificates match, and a way from there to the store.
type Store struct {
	Host, Port string
	Inside     netip.Addr // where it is inside
	Target     string     // HOST:PORT outside, an address; set by Resolve
}

// Layout gives every name an address inside: localhost has its own, an address stays
// what it is, and any other name gets the next free one of 127.0.0.0/8.
func Layout(addresses []sandbox.Address) ([]Store, error) {
	var stores []Store
	given := map[string]netip.Addr{}
	for _, a := range addresses {
		if literal, err := netip.ParseAddr(bare(a.Host)); err == nil {
			given[bare(a.Host)] = literal.Unmap()
		}
	}
	for _, a := range addresses {
		s := Store{Host: bare(a.Host), Port: a.Port}
		if _, err := strconv.ParseUint(s.Port, 10, 16); err != nil || s.Host == "" {
			return nil, reason.Errorf(reason.ConfigInvalid, "object store %q, port %q: a name and a number are needed",
				a.Host, a.Port)
		}
		if _, ok := given[s.Host]; !ok {
			given[s.Host] = free(s.Host, given)
		}
		s.Inside = given[s.Host]
		if !slices.ContainsFunc(stores, func(o Store) bool { return o.Inside == s.Inside && o.Port == s.Port }) {
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

// Resolve finds where a store is, on this machine: the sandbox has no resolver. Of several
// addresses the first that answers is taken, of silent ones the first.
func (s *Store) Resolve(ctx context.Context) error {
	if literal, err := netip.ParseAddr(s.Host); err == nil {
		s.Target = net.JoinHostPort(literal.Unmap().String(), s.Port)
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(bound, s.Host)
	if wait.Over(ctx) {
		return context.Cause(ctx)
	}
	if err != nil || len(found) == 0 {
		return reason.Errorf(reason.RepoUnreachable,
			"object store %s cannot be found from this machine: %w: check its name in the conf, and the resolver",
			s.Host, err)
	}
	s.Target = net.JoinHostPort(found[0], s.Port)
	if len(found) == 1 {
		return nil
	}
	for _, address := range found {
		target := net.JoinHostPort(address, s.Port)
		if conn, err := (&net.Dialer{Timeout: answerTime}).DialContext(ctx, "tcp", target); err == nil {
			s.Target = target
			return conn.Close()
		}
	}
	return nil
}

// Hosts is the /etc/hosts of a sandbox. localhost is IPv4 alone: whatever leads to a store listens there.
func Hosts(own string, stores []Store) string {
	lines := []string{"127.0.0.1 localhost", "127.0.1.1 " + own, "::1 ip6-localhost ip6-loopback"}
	for _, s := range stores {
		line := s.Inside.String() + " " + s.Host
		if _, err := netip.ParseAddr(s.Host); err != nil && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// Literals are the addresses inside that lo does not have by itself.
func Literals(stores []Store) []string {
	var found []string
	for _, s := range stores {
		if address := s.Inside.String(); !s.Inside.IsLoopback() && !slices.Contains(found, address) {
			found = append(found, address)
		}
	}
	return found
}
