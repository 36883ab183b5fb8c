package compared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/standby"
)

// Prices are what a comparison costs. Rates are bytes of tables a second and processor; both sides are asked by two
// sessions at a time.
type Prices struct {
	Standby, Clone float64         // rate of the digests
	FullRead       float64         // rate of the deeper check that reads everything, in one session
	Pauses         []time.Duration // of replay
	Effect         []float64       // throughput of the primary beside digests, to that without, each round
}

func (p Prices) String() string {
	const mega = 1e6
	effect := slices.Sorted(slices.Values(p.Effect))
	return fmt.Sprintf("digests: %.0f MB/s a processor on the standby, %.0f on the clone; full_read: %.0f\n"+
		"replay stood still for %v\nthroughput of the primary beside digests: %.3f of that without (median of %.3f)",
		p.Standby/mega, p.Clone/mega, p.FullRead/mega, p.Pauses, effect[len(effect)/2], effect)
}

// One round of pgbench, and how many there are of each kind.
const (
	pgbenchSeconds = 10
	pgbenchRounds  = 5
)

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

// effect measures what digests on the standby take from the primary.
func (c *cluster) effect(ctx context.Context, p *Prices) error {
	if err := inOrder(
		func() error { return c.pin(ctx, c.data(), 0) },
		func() error { return c.pin(ctx, c.standbyData(), 1) },
		func() (err error) { _, err = c.pgbench(ctx, "-i", "-q", "-s", "20"); return err },
	); err != nil {
		return err
	}
	for round := range pgbenchRounds {
		alone, err := c.throughput(ctx)
		if err != nil {
			return err
		}
		stop := c.digests(ctx, p)
		beside, err := c.throughput(ctx)
		if err = errors.Join(err, stop()); err != nil {
			return err
		}
		p.Effect = append(p.Effect, beside/alone)
		c.say("    round %d: %.0f transactions a second, %.0f beside digests", round+1, alone, beside)
	}
	if len(p.Pauses) == 0 {
		return errors.New("no digest of the standby came to its end beside pgbench: nothing was measured of it")
	}
	return nil
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

// pin has a server, and what it starts, run on one processor.
func (c *cluster) pin(ctx context.Context, data string, processor int) error {
	if runtime.NumCPU() <= processor {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return err
	}
	pid, _, _ := bytes.Cut(content, []byte("\n"))
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%s/task/%s/children", pid, pid)) // none is as good
	for _, one := range append(strings.Fields(string(children)), string(pid)) {
		if err = c.run(ctx, "taskset", "-cp", strconv.Itoa(processor), one); err != nil {
			return err
		}
	}
	return nil
}

// pgbench runs beside the primary, on its processor.
func (c *cluster) pgbench(ctx context.Context, args ...string) (said string, err error) {
	argv := append([]string{
		"taskset", "-c", "0", filepath.Join(c.BinDir, "pgbench"), "-h", c.Machine.Dir("run"), "-U", "postgres",
	}, append(args, "postgres")...)
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	answer, err := c.Machine.Run(ctx, host.Command{Argv: argv})
	return string(answer.Stdout), err
}

// tps is how pgbench says what it measured.
var tps = regexp.MustCompile(`tps = ([\d.]+)`)

// throughput is how many transactions a second the primary takes.
func (c *cluster) throughput(ctx context.Context) (float64, error) {
	said, err := c.pgbench(ctx, "-n", "-c", "4", "-T", strconv.Itoa(pgbenchSeconds))
	if err != nil {
		return 0, err
	}
	match := tps.FindStringSubmatch(said)
	if match == nil {
		return 0, fmt.Errorf("pgbench measured nothing: %s", said)
	}
	return strconv.ParseFloat(match[1], 64)
}
