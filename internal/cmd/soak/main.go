// Command soak runs clean drills over sources of many kinds and counts the reds. Run it with -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/soak"
	"veza.fr/recovery/internal/host/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o soak.Options
	flag.IntVar(&o.Drills, "n", 20, "how many drills")
	flag.Uint64Var(&o.Seed, "seed", uint64(rand.Uint32()), "seed of the sources: the same one draws the same ones")
	flag.IntVar(&o.Workers, "workers", 2, "sources drilled at one time")
	flag.StringVar(&o.Only, "only", "", "drill only sources whose line has all of these words")
	flag.StringVar(&o.Out, "out", "out/soak", "directory for the evidence of reds")
	flag.StringVar(&o.Ask, "ask", "",
		"drill in this way alone: latest, lsn, time, name, checks, primary, backup, switchover, failover, "+
			"expire, full-expire")
	flag.BoolVar(&o.Keep, "keep", false, "keep what the greens said too")
	flag.Parse()
	tally, err := run(ctx, o)
	fmt.Fprintln(os.Stdout, tally)
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stdout, "interrupted: these are the counts so far\n")
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
	}
	if err != nil || tally.Red() > 0 {
		os.Exit(1)
	}
}

// run makes the programs and a scratch directory, and removes both.
func run(ctx context.Context, o soak.Options) (tally soak.Tally, err error) {
	if o.Out, err = filepath.Abs(o.Out); err != nil {
		return tally, err
	}
	if err = os.RemoveAll(o.Out); err != nil {
		return tally, err
	}
	o.Scratch, o.Programs, err = drilltest.Scratch(room(), "vzs-")
	defer func() { err = errors.Join(err, os.RemoveAll(o.Scratch)) }() // "" is none
	if err != nil {
		return tally, err
	}
	o.Provider, o.Lines = process.Provider{}, os.Stdout
	fmt.Fprintf(os.Stdout, "soak: %d drills, seed %d, %d at a time\n", o.Drills, o.Seed, o.Workers)
	return soak.Run(ctx, o)
}

// room is where the sources go: TMPDIR when there is one, else memory.
func room() string {
	if os.Getenv("TMPDIR") == "" {
		if stat, err := os.Stat("/dev/shm"); err == nil && stat.IsDir() {
			return "/dev/shm"
		}
	}
	return ""
}
