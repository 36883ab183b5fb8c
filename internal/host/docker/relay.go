package docker

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
)

// listenScript listens inside for what goes to object stores.
//
//go:embed scripts/listen.pl
var listenScript string

const (
	listenTime = 20 * time.Second // until the relays listen
	dialTime   = 20 * time.Second // until a store takes a connection
)

// relay serves the object stores inside, each at its loopback address: a program there
// takes the connections, and this process carries each to the store from where it stands
// itself. So the container needs no network, and reaches what this process reaches.
func (s *Sandbox) relay(ctx context.Context, stores []guest.Store) error {
	for n := range stores {
		stores[n].Target = net.JoinHostPort(stores[n].Host, stores[n].Port)
	}
	var at []string
	for _, store := range stores {
		at = append(at, store.Inside.String(), store.Port)
	}
	life, done, err := s.Begin(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	listener, err := s.Start(ctx, guest.Perl(listenScript, at...), guest.Environment(guest.Root, nil, "relay"))
	if err != nil {
		done()
		return failed(fmt.Errorf("relays of %s: %w", s.Name(), err))
	}
	context.AfterFunc(life, listener.HangUp)
	go io.Copy(io.Discard, listener.Stderr()) //nolint:errcheck // it says on its output what went wrong
	lines := bufio.NewScanner(listener.Stdout())
	ready := make(chan error, 1)
	go func() {
		defer done()
		if !lines.Scan() || lines.Text() != "ready" {
			ready <- reason.Errorf(reason.SandboxFailed, "relays of %s: %s", s.Name(),
				strings.Join(append([]string{lines.Text()}, errText(lines.Err())...), ": "))
			return
		}
		ready <- nil
		for lines.Scan() {
			number, socket, _ := strings.Cut(lines.Text(), " ")
			if n, bad := strconv.Atoi(number); bad == nil && n < len(stores) {
				go s.carry(life, socket, stores[n].Target)
			}
		}
	}()
	bound, cancel := context.WithTimeoutCause(ctx, listenTime,
		reason.Errorf(reason.SandboxFailed, "relays of %s do not listen after %s", s.Name(), listenTime))
	defer cancel()
	select {
	case err = <-ready:
		return err
	case <-bound.Done():
		return context.Cause(bound)
	}
}

func errText(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

// carry joins a connection that was taken inside with one to the store. When the store
// cannot be reached, the one inside is closed: pgBackRest sees what it would see here.
func (s *Sandbox) carry(ctx context.Context, socket, target string) {
	bound, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	near, err := s.DialRelay(bound, "unix", socket)
	if err != nil {
		return
	}
	defer near.Close() //nolint:errcheck // the other end has gone
	far, err := (&net.Dialer{}).DialContext(bound, "tcp", target)
	if err != nil {
		return
	}
	defer far.Close() //nolint:errcheck // the other end has gone
	ended := make(chan struct{}, 2)
	for _, way := range []struct{ to, from net.Conn }{{far, near}, {near, far}} {
		go func() {
			io.Copy(way.to, way.from) //nolint:errcheck // the end of either side is the end
			ended <- struct{}{}
		}()
	}
	select { // one end that has gone ends both
	case <-ended:
	case <-ctx.Done():
	}
}
