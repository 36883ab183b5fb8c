package compared

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/standby"
)

// Prices are what a comparison costs. Rates are bytes of tables a second and processor; both sides are asked by two
// sessions at a time.
type Prices struct {
	Standby, Clone float64         // rate of the digests
	FullRead       float64         // rate of the deeper check that reads everything, in one session
	Pauses         []time.Duration // of replay
	Effect         Effect          // on the primary
}

func (p Prices) String() string {
	const mega = 1e6
	return fmt.Sprintf("digests: %.0f MB/s a processor on the standby, %.0f on the clone; full_read: %.0f\n"+
		"replay stood still for %v\n%s", p.Standby/mega, p.Clone/mega, p.FullRead/mega, p.Pauses, p.Effect)
}

// Cost measures a comparison of a production of some gigabytes that is otherwise idle. The primary, with pgbench, and
// its standby have a processor each where there are two, as machines of their own would.
func Cost(ctx context.Context, o Options, gigabytes float64) (p Prices, err error) {
	err = within(ctx, o, func(c *cluster) error {
		return inOrder(
			func() error { return c.enlarge(ctx, gigabytes) },
			func() error { return c.priceOfDrills(ctx, o, &p) },
			func() error { return c.effect(ctx, &p) },
		)
	})
	return p, err
}

// clonesNote is how a drill says what the digests of the clone took.
var clonesNote = regexp.MustCompile(`segments, and compared in ([\d.]+) s`)

// priceOfDrills drills twice: with the comparison, and with the deeper check that it makes needless.
func (c *cluster) priceOfDrills(ctx context.Context, o Options, p *Prices) error {
	with, err := c.pass(ctx, o, "with", "-deep", "none", "-compare", "standby", "-standby", c.way())
	if err != nil {
		return err
	}
	read, err := c.pass(ctx, o, "read", "-deep", "full_read")
	if err != nil {
		return err
	}
	match := clonesNote.FindStringSubmatch(with.Said)
	if match == nil {
		return fmt.Errorf("the drill did not say what the clone's digests took: %s", with.Said)
	}
	seconds, err := strconv.ParseFloat(match[1], 64)
	size := with.measured("compared_bytes")
	p.Clone = size / seconds / float64(min(2, runtime.NumCPU()))
	for _, v := range read.Report.Values {
		if v.Name == "check_duration_seconds" && v.Labels["check"] == "full_read" {
			p.FullRead = size / v.Value
		}
	}
	c.say("    a drill with the comparison took %.1f s, with full_read %.1f s", with.Took.Seconds(),
		read.Took.Seconds())
	return err
}

// digests asks the standby again and again until it is told to stop, and adds what it learned to the prices.
func (c *cluster) digests(ctx context.Context, p *Prices) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if err := c.digest(ctx, p); err != nil && ctx.Err() == nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() error {
		cancel()
		return <-done
	}
}

func (c *cluster) digest(ctx context.Context, p *Prices) error {
	config, err := c.Standby()
	if err != nil {
		return err
	}
	s, err := standby.Open(ctx, config)
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	f, err := s.Freeze(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	if _, err = s.Digest(ctx, &f, standby.Ask{Seeds: compare.NewSeeds()}); err != nil {
		return err
	}
	size := compare.Compare(f.Side, f.Side).Bytes
	p.Standby = max(p.Standby, float64(size)/time.Since(begun).Seconds()) // it is on one processor
	p.Pauses = append(p.Pauses, f.Pause.Round(time.Millisecond))
	return nil
}
