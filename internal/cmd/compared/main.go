// Command compared soaks -compare standby: a production at work, drilled round by round. Run it with -h.
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
	flag.StringVar(&o.Out, "out", "out/compared", "directory for what the drills said")
	flag.Parse()
	tally, err := run(ctx, o)
	fmt.Fprintln(os.Stdout, tally)
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stdout, "interrupted: these are the counts so far\n")
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "compared: %v\n", err)
	}
	if err != nil || tally.Bad() {
		os.Exit(1)
	}
}

// run makes the programs and a scratch directory, and removes both.
func run(ctx context.Context, o compared.Options) (tally compared.Tally, err error) {
	if o.Out, err = filepath.Abs(o.Out); err != nil {
		return tally, err
	}
	if err = os.RemoveAll(o.Out); err != nil {
		return tally, err
	}
	o.Scratch, o.Programs, err = drilltest.Scratch("", "vzc-")
	defer func() { err = errors.Join(err, os.RemoveAll(o.Scratch)) }() // "" is none
	if err != nil {
		return tally, err
	}
	o.Provider, o.Lines = process.Provider{}, os.Stdout
	fmt.Fprintf(os.Stdout, "compared: %d rounds; what each drill says is kept in %s\n", o.Rounds, o.Out)
	return compared.Soak(ctx, o)
}
