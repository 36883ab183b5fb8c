// Command lab makes, describes and removes the lab in Incus that a drill can be tried
// on. Run it with -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"veza.fr/recovery/internal/lab"
)

const usage = `usage: lab up [-rows N] | lab down | lab status | lab conf

A small production in Incus to drill against: an object store (MinIO behind TLS) and a
PostgreSQL node that backs up into it, archives and beats; with a pgbackrest.conf on
this machine that leads there. It needs root, a running Incus daemon (.ci/incus), the
image of the nodes (make image KIND=node) and MinIO (make minio).

  up      makes it, or says that it is up; what does not work is made anew
  down    removes all of it
  status  says what there is and how to drill it
  conf    prints the path of the pgbackrest.conf that leads to it

`

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, out, messages io.Writer) int {
	name, rows, err := parse(args, messages)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(messages, "lab: %v\n", err)
		return exitUsage
	}
	begin := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%6.1f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}
	switch name {
	case "up":
		var l *lab.Lab
		if l, err = lab.Up(ctx, rows, say); err == nil {
			l.Describe(out)
		}
	case "down":
		err = lab.Down(ctx, say)
	case "status":
		err = lab.Status(ctx, out)
	case "conf":
		var l *lab.Lab
		if l, err = lab.Open(ctx); err == nil {
			fmt.Fprintln(out, l.Conf)
		}
	}
	if err != nil {
		fmt.Fprintf(messages, "lab %s: %v\n", name, err)
		return exitFailed
	}
	return 0
}

// parse reads the command line; flags may stand before or behind the command's name.
func parse(args []string, messages io.Writer) (name string, rows int, err error) {
	rows = lab.DefaultRows
	if text := os.Getenv("LAB_ROWS"); text != "" {
		if rows, err = strconv.Atoi(text); err != nil {
			return "", 0, fmt.Errorf("LAB_ROWS=%q is no number", text)
		}
	}
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() {
		fmt.Fprint(messages, usage)
		flags.PrintDefaults()
	}
	flags.IntVar(&rows, "rows", rows, "users in the database of a new lab; LAB_ROWS is the default")
	if err := flags.Parse(args); err != nil {
		return "", 0, err
	}
	name = flags.Arg(0)
	if flags.NArg() > 0 {
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return "", 0, err
		}
	}
	switch {
	case !slices.Contains([]string{"up", "down", "status", "conf"}, name) || flags.NArg() > 0:
		return "", 0, errors.New("say up, down, status or conf (-h explains them)")
	case rows < 1:
		return "", 0, fmt.Errorf("-rows %d: a lab has at least one user", rows)
	}
	return name, rows, nil
}
