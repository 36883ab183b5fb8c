package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/sandbox"
)

// perSource is how many drills a source is worth: making one costs as much as two drills.
const perSource = 4

// Options of a soak.
type Options struct {
	Drills   int
	Seed     uint64
	Workers  int    // sources and their drills at one time
	Only     string // sources whose description has all of these words; "" for all
	Ask      string // drills of this name alone, such as failover; "" for all
	Programs string // directory with testprom, drill.test and test2json
	Scratch  string // an empty directory, open to user postgres; TMPDIR of the sources
	Out      string // where the evidence of reds is kept
	Provider sandbox.Provider
	Keep     bool // the evidence of greens too
	Lines    io.Writer
}

// soak is one run.
type soak struct {
	Options
	mu    sync.Mutex
	begun int // drills, to give them numbers
	tally Tally
}

// Run runs the drills, and returns the counts of those that ended, also when ctx ended
// before. The error is about the soak itself: a source that could not be made.
func Run(ctx context.Context, o Options) (Tally, error) {
	s := &soak{Options: o, tally: Tally{Reds: map[string]int{}, begin: time.Now()}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sources := make(chan int)
	var workers sync.WaitGroup
	for range o.Workers {
		workers.Go(func() {
			for number := range sources {
				if err := s.source(ctx, number); err != nil && ctx.Err() == nil {
					cancel(fmt.Errorf("source %d of seed %d: %w", number, o.Seed, err))
				}
			}
		})
	}
	for number := 1; ctx.Err() == nil && !s.full(); number++ {
		select {
		case sources <- number:
		case <-ctx.Done():
		}
	}
	close(sources)
	workers.Wait()
	return s.tally, context.Cause(ctx)
}

// full says whether every drill has been begun.
func (s *soak) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun >= s.Drills
}

// next is the number of the next drill.
func (s *soak) next() (number int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun >= s.Drills {
		return 0, false
	}
	s.begun++
	return s.begun, true
}

// source makes a source and drills it. It draws from a seed of its own, so that a source
// is the same whatever its neighbours do.
func (s *soak) source(ctx context.Context, number int) (err error) {
	r := rand.New(rand.NewPCG(s.Seed, uint64(number))) //nolint:gosec // a number that can be repeated is wanted
	m := mixed(r)
	for _, word := range strings.Fields(s.Only) {
		if !strings.Contains(" "+m.String()+" ", " "+word+" ") {
			return nil
		}
	}
	site, err := open(ctx, s.Provider, m, fmt.Sprintf("soak%d", number), r)
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, site.close(cleanup))
	}()
	if err != nil {
		return fmt.Errorf("%s: %w", m, err)
	}
	asks, err := site.asks(r, s.Ask, site.Machine.Dir("etc"))
	if err != nil {
		return err
	}
	for _, ask := range asks {
		n, ok := s.next()
		if !ok || ctx.Err() != nil {
			return nil
		}
		if err := s.drill(ctx, site, n, number, ask); err != nil {
			return err
		}
	}
	return site.moved()
}

// drill runs one, looks at what it left, and counts it.
func (s *soak) drill(ctx context.Context, site *site, n, number int, ask ask) error {
	tmp, out := filepath.Join(s.Scratch, fmt.Sprintf("t%d", n)), filepath.Join(s.Out, fmt.Sprint(n))
	if ask.before != nil {
		if err := ask.before(ctx); err != nil {
			return fmt.Errorf("before drill %d, %s: %w", n, ask.name, err)
		}
	}
	flight, err := drilltest.StartUnattended(s.Programs, tmp, out, ask.args...)
	if err != nil {
		return err
	}
	during := make(chan error, 1)
	go func() {
		if ask.during == nil {
			during <- nil
			return
		}
		during <- ask.during(ctx, flight)
	}()
	o, err := flight.End(ctx, drillTime)
	meanwhile := <-during
	left, leftErr := leftovers(tmp)
	if ctx.Err() != nil { // cut by whoever asked for the soak: no verdict to count
		return errors.Join(leftErr, about(left), os.RemoveAll(out), os.RemoveAll(tmp))
	}
	if err = errors.Join(err, leftErr, about(left)); meanwhile != nil {
		err = errors.Join(err, fmt.Errorf("meanwhile, %s: %w", ask.name, meanwhile))
	}
	return s.count(result{
		number: n, source: number, mix: site.mix, ask: ask.name, outcome: o, err: err, out: out, tmp: tmp,
	})
}

func about(left []string) error {
	if len(left) == 0 {
		return nil
	}
	return errors.New("left behind: " + strings.Join(left, ", "))
}
