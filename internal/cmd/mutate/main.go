// Command mutate breaks the files it is given, one place at a time, and has a command
// judge each mutant. Run it with -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"veza.fr/recovery/internal/harness/mutate"
)

const usage = `usage: mutate [-limit D] [-sample N] [-seed S] FILE... -- COMMAND

Makes mutants of the files (an operator, a condition turned round, a call left out, an
error forgotten) and runs COMMAND for each, with GOFLAGS=-overlay so that whatever it
compiles holds the mutant; the checkout is not touched. A mutant is killed when COMMAND
fails or does not end. It prints those that survive, and ends with 1 when there are any.

`

// Exit statuses.
const (
	exitSurvivors = 1
	exitUsage     = 2
)

// plan is what was asked for.
type plan struct {
	limit   time.Duration
	sample  int
	seed    uint64
	files   []string
	command []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "mutate:", err)
		}
		os.Exit(exitUsage)
	}
	survivors, err := run(ctx, p, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(exitUsage)
	}
	if survivors > 0 {
		os.Exit(exitSurvivors)
	}
}

func parse(args []string, said io.Writer) (p plan, err error) {
	fs := flag.NewFlagSet("mutate", flag.ContinueOnError)
	fs.SetOutput(said)
	fs.Usage = func() { fmt.Fprint(said, usage); fs.PrintDefaults() }
	fs.DurationVar(&p.limit, "limit", 10*time.Minute, "time COMMAND may take for one mutant")
	fs.IntVar(&p.sample, "sample", 0, "judge only so many mutants, picked at random; 0 is all")
	fs.Uint64Var(&p.seed, "seed", 1, "of the sample")
	if err = fs.Parse(args); err != nil {
		return p, err
	}
	rest := fs.Args()
	i := slices.Index(rest, "--")
	if i < 1 || i == len(rest)-1 {
		return p, errors.New("give files, then --, then the command that judges")
	}
	p.files, p.command = rest[:i], rest[i+1:]
	return p, nil
}

// run judges the mutants; the command must pass without one, or every verdict is void.
func run(ctx context.Context, p plan, out io.Writer) (survivors int, err error) {
	mutants, err := choose(p)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	fate, err := mutate.Judge(ctx, mutate.None(p.files[0]), p.limit, p.command)
	if err != nil || fate != mutate.Survived {
		return 0, errors.Join(errors.New("the command does not pass without a mutant"), err)
	}
	fmt.Fprintf(out, "%d mutants of %d files; the command takes %.0f s\n",
		len(mutants), len(p.files), time.Since(start).Seconds())
	counts := map[mutate.Fate]int{}
	for i, m := range mutants {
		fate, err := mutate.Judge(ctx, m, p.limit, p.command)
		if err != nil {
			return counts[mutate.Survived], err
		}
		counts[fate]++
		if fate == mutate.Survived {
			fmt.Fprintf(out, "%s %s\n", fate, m)
		}
		if (i+1)%10 == 0 {
			fmt.Fprintf(out, "... %d of %d, %.0f s\n", i+1, len(mutants), time.Since(start).Seconds())
		}
	}
	fmt.Fprintf(out, "%d killed, %d survived, %d did not compile, in %.0f s\n",
		counts[mutate.Killed], counts[mutate.Survived], counts[mutate.Stillborn], time.Since(start).Seconds())
	return counts[mutate.Survived], nil
}

func choose(p plan) ([]mutate.Mutant, error) {
	var all []mutate.Mutant
	for _, file := range p.files {
		mutants, err := mutate.Of(file)
		if err != nil {
			return nil, err
		}
		all = append(all, mutants...)
	}
	if p.sample == 0 || p.sample >= len(all) {
		return all, nil
	}
	random := rand.New(rand.NewPCG(p.seed, 0)) //nolint:gosec // a sample, no secret
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:p.sample], nil
}
