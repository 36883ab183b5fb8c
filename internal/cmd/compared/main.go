// Command compared judges -compare standby: a production at work, drilled round by round without a false difference,
// and with one thing wrong at a time, which must be found. Run it with -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"veza.fr/recovery/internal/harness/compared"
	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/host/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o compared.Options
	flag.IntVar(&o.Rounds, "n", 50, "how many rounds")
	judge := flag.Float64("judge", 0, "judge `gigabytes` of production with one thing wrong at a time, in place "+
		"of the rounds")
	cost := flag.Float64("cost", 0, "measure what a comparison of `gigabytes` costs, in place of the rounds")
	flag.StringVar(&o.Out, "out", "out/compared", "directory for what the drills said")
	flag.Parse()
	bad, err := run(ctx, o, *judge, *cost)
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stdout, "interrupted: these are the counts so far\n")
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "compared: %v\n", err)
	}
	if err != nil || bad {
		os.Exit(1)
	}
}

// run makes the programs and a scratch directory, and removes both. It says what was found, and whether that is bad.
func run(ctx context.Context, o compared.Options, judge, cost float64) (bad bool, err error) {
	if o.Out, err = filepath.Abs(o.Out); err != nil {
		return true, err
	}
	if err = os.RemoveAll(o.Out); err != nil {
		return true, err
	}
	o.Scratch, o.Programs, err = drilltest.Scratch("", "vzc-")
	defer func() { err = errors.Join(err, os.RemoveAll(o.Scratch)) }() // "" is none
	if err != nil {
		return true, err
	}
	o.Provider, o.Lines = process.Provider{}, os.Stdout
	fmt.Fprintf(os.Stdout, "compared: what each drill says is kept in %s\n", o.Out)
	if judge > 0 {
		var wrong int
		wrong, err = compared.Judge(ctx, o, judge)
		fmt.Fprintf(os.Stdout, "%d told wrongly\n", wrong)
		return wrong > 0, err
	}
	if cost > 0 {
		var prices compared.Prices
		prices, err = compared.Cost(ctx, o, cost)
		if err == nil {
			fmt.Fprintln(os.Stdout, prices)
		}
		return false, err
	}
	tally, err := compared.Soak(ctx, o)
	fmt.Fprintln(os.Stdout, tally)
	return tally.Bad(), err
}
