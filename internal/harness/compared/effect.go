package compared

import (
	"bytes"
	"cmp"
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

	"veza.fr/recovery/internal/host"
)

// One run of pgbench, and how many rounds there are of one run of each kind.
const (
	pgbenchSeconds = 10 // a digest of a gigabyte comes to its end in it
	pgbenchRounds  = 8
)

// Effect is how many transactions a second the primary took, each round: alone, while the standby's processor was
// busy with an empty loop, and while it made digests. Two processors of one machine share what two machines do not: the
// loop shows how much of what is lost is that.
type Effect struct{ Alone, Busy, Digests []float64 }

func (e Effect) String() string {
	quarters := func(of, to []float64) string {
		ratios := make([]float64, len(of))
		for i := range of {
			ratios[i] = of[i] / to[i]
		}
		slices.SortFunc(ratios, cmp.Compare)
		n := len(ratios)
		return fmt.Sprintf("%.3f (half of %d rounds from %.3f to %.3f)", ratios[n/2], n, ratios[n/4], ratios[n-1-n/4])
	}
	if len(e.Alone) == 0 {
		return "nothing was measured of the primary"
	}
	return "throughput of the primary beside digests:\n  of that without " + quarters(e.Digests, e.Alone) +
		"\n  of that beside an empty loop " + quarters(e.Digests, e.Busy) +
		"\n  the empty loop, of that without " + quarters(e.Busy, e.Alone)
}

// effect measures what digests on the standby take from the primary. The kinds take turns at being the first, so that
// what grows from run to run weighs on each.
func (c *cluster) effect(ctx context.Context, p *Prices) error {
	if runtime.NumCPU() < 2 {
		return errors.New("a primary and a standby on one processor are no two machines: nothing can be measured")
	}
	if err := inOrder(
		func() error { return c.pin(ctx, c.data(), 0) },
		func() error { return c.pin(ctx, c.standbyData(), 1) },
		func() (err error) { _, err = c.pgbench(ctx, "-i", "-q", "-s", "20"); return err },
	); err != nil {
		return err
	}
	kinds := []struct {
		found *[]float64
		load  func() (stop func() error)
	}{
		{&p.Effect.Alone, func() func() error { return func() error { return nil } }},
		{&p.Effect.Busy, func() func() error { return c.busy(ctx) }},
		{&p.Effect.Digests, func() func() error { return c.digests(ctx, p) }},
	}
	for round := range pgbenchRounds {
		for i := range kinds {
			kind := kinds[(round+i)%len(kinds)]
			stop := kind.load()
			rate, err := c.throughput(ctx)
			if err = errors.Join(err, stop()); err != nil {
				return err
			}
			*kind.found = append(*kind.found, rate)
		}
		c.say("    round %d: %.0f transactions a second, %.0f beside an empty loop, %.0f beside digests", round+1,
			p.Effect.Alone[round], p.Effect.Busy[round], p.Effect.Digests[round])
	}
	if len(p.Pauses) == 0 {
		return errors.New("no digest of the standby came to its end beside pgbench: nothing was measured of it")
	}
	return nil
}

// busy keeps the standby's processor busy with nothing until it is told to stop.
func (c *cluster) busy(ctx context.Context) (stop func() error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	done := make(chan error, 1)
	go func() {
		loop := []string{"taskset", "-c", "1", "sh", "-c", "while :; do :; done"}
		_, err := c.Machine.Run(ctx, host.Command{Argv: loop})
		if ctx.Err() != nil {
			err = nil // it was told to stop
		}
		done <- err
	}()
	return func() error {
		cancel()
		return <-done
	}
}

// pin has a server, and what it starts, run on one processor.
func (c *cluster) pin(ctx context.Context, data string, processor int) error {
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
