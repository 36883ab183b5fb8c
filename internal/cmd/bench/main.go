// Command bench times the drill beside the raw commands, near and far. Run it with -h.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"veza.fr/recovery/internal/harness/bench"
	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/version"
)

// asked are the flags.
type asked struct{ sizes, delays, out, base, cache string }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o bench.Options
	var a asked
	flag.StringVar(&a.sizes, "sizes", "0.1,1,5", "gigabytes of the databases that show what the drill adds")
	flag.StringVar(&a.delays, "delays", "0,20", "round trips to the store in milliseconds")
	flag.IntVar(&o.Rounds, "rounds", 2, "how often each row is measured")
	flag.IntVar(&o.Segments, "segments", 160,
		"WAL segments of the source with much to replay, at least; 0 leaves it out")
	flag.StringVar(&a.out, "out", "out/bench.json", "file that keeps every measurement")
	flag.StringVar(&a.base, "base", "", "earlier file to compare with (that of -out, before it is written)")
	flag.StringVar(&a.cache, "cache", "", "directory that keeps the sources (in the user's cache directory)")
	flag.Parse()
	if err := run(ctx, o, a); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted; nothing is kept but whole sources")
		}
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run makes the programs and a scratch directory, removes both, and keeps the result of a
// run that came to its end.
func run(ctx context.Context, o bench.Options, a asked) (err error) {
	if err = a.read(&o); err != nil {
		return err
	}
	o.Provider, o.Lines = process.Provider{}, os.Stdout
	if err = bench.Sweep(ctx, o.Provider); err != nil {
		return err
	}
	o.Scratch, o.Programs, err = drilltest.Scratch("", bench.ScratchName())
	defer func() { err = errors.Join(err, os.RemoveAll(o.Scratch)) }() // "" is none
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "\n%s", result.Tables())
	if o.Before != nil {
		fmt.Fprintf(os.Stdout, "\n%s", bench.Changes(o.Before, result))
	}
	if err = os.MkdirAll(filepath.Dir(a.out), 0o755); err != nil { //nolint:gosec // results are no secret
		return err
	}
	fmt.Fprintf(os.Stdout, "\nevery measurement: %s\n", a.out)
	return result.Save(a.out)
}

// read reads the flags, and the earlier result.
func (a asked) read(o *bench.Options) (err error) {
	if o.Rounds < 1 || o.Segments < 0 {
		return errors.New("-rounds is at least 1, -segments at least 0")
	}
	if o.Sizes, err = bench.Numbers(a.sizes); err != nil {
		return fmt.Errorf("-sizes: %w", err)
	}
	if o.Delays, err = bench.RoundTrips(a.delays); err != nil {
		return fmt.Errorf("-delays: %w", err)
	}
	base := a.base
	if base == "" {
		base = a.out
	}
	if o.Before, err = bench.Load(base); err != nil {
		return fmt.Errorf("%s: %w", base, err)
	}
	if o.Before == nil && a.base != "" {
		return fmt.Errorf("%s is no result of this bench", a.base)
	}
	if o.Cache = a.cache; o.Cache == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		o.Cache = filepath.Join(cache, "veza-drill", "bench")
	}
	var build bytes.Buffer
	version.Print(&build, "drill")
	o.Build = strings.TrimSpace(build.String())
	return nil
}
