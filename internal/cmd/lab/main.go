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

	"veza.fr/recovery/internal/harness/lab"
)

const usage = `usage: lab up [-rows N] [-major N] | lab down | lab status | lab conf | lab inventory DIR | lab renew |
       lab cluster | lab majors

A small production in Incus to drill against: an object store (MinIO behind TLS) and a
PostgreSQL node that backs up into it, archives and beats; with a pgbackrest.conf on
this machine that leads there. Beside it, as bare as new machines are: a formation of
pg_auto_failover and a host for the drill with Prometheus, to apply the Ansible roles to,
and one machine of the next Debian that is all of that. It needs root, a running Incus
daemon (.ci/incus), the images of the nodes (make image KIND=node), MinIO (make minio),
Prometheus and node_exporter.

  up         makes it, or says that it is up; what does not work is made anew
  down       removes all of it
  status     says what there is and how to drill it
  conf       prints the path of the pgbackrest.conf that leads to it
  inventory  writes an Ansible inventory of formation and drill host into a directory; its
             vault.yml is plain text, for root alone
  renew      gives back formation and drill host as they were before any role was applied
  cluster    adds an Incus cluster of two members to it (fixtures/images/member makes their image)
  majors     prints the major versions of PostgreSQL that up needs images of

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
	o, err := parse(args, messages)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(messages, "lab: %v\n", err)
		return exitUsage
	}
	if err = o.carryOut(ctx, out); err != nil {
		fmt.Fprintf(messages, "lab %s: %v\n", o.name, err)
		return exitFailed
	}
	return 0
}

// carryOut does what is asked for.
func (o order) carryOut(ctx context.Context, out io.Writer) error {
	begin := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%6.1f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}
	switch o.name {
	case "up":
		l, err := lab.Up(ctx, o.major, o.rows, say)
		if err == nil {
			l.Describe(out)
		}
		return err
	case "down":
		return lab.Down(ctx, say)
	case "status":
		return lab.Status(ctx, out)
	case "majors":
		for _, major := range lab.Majors(o.major) {
			fmt.Fprintln(out, major)
		}
		return nil
	}
	l, err := lab.Open(ctx)
	if err != nil {
		return err
	}
	switch o.name {
	case "inventory":
		_, err = l.Inventory(ctx, o.dir)
	case "renew":
		err = l.Renew(ctx, say)
	case "cluster":
		err = l.MakeCluster(ctx, say)
	default:
		fmt.Fprintln(out, l.Conf)
	}
	return err
}

// order is what the command line asks for.
type order struct {
	name  string
	dir   string    // of inventory
	rows  int       // of up
	major lab.Major // of up
}

var orders = []string{"up", "down", "status", "conf", "inventory", "renew", "cluster", "majors"}

// parse reads the command line; flags may stand before or after the command's name.
func parse(args []string, messages io.Writer) (o order, err error) {
	o.rows = lab.DefaultRows
	if text := os.Getenv("LAB_ROWS"); text != "" {
		if o.rows, err = strconv.Atoi(text); err != nil {
			return o, fmt.Errorf("LAB_ROWS=%q is no number", text)
		}
	}
	major := int(lab.DefaultMajor)
	if text := os.Getenv("PG_MAJOR"); text != "" {
		if major, err = strconv.Atoi(text); err != nil {
			return o, fmt.Errorf("PG_MAJOR=%q is no number", text)
		}
	}
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() {
		fmt.Fprint(messages, usage)
		flags.PrintDefaults()
	}
	flags.IntVar(&o.rows, "rows", o.rows, "users in the database of a new lab; LAB_ROWS is the default")
	flags.IntVar(&major, "major", major, "PostgreSQL of a new lab; PG_MAJOR is the default")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.name = flags.Arg(0)
	if flags.NArg() > 0 {
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return o, err
		}
	}
	rest := flags.Args()
	o.major = lab.Major(major)
	if o.name == "inventory" && len(rest) > 0 {
		o.dir, rest = rest[0], rest[1:]
	}
	switch {
	case !slices.Contains(orders, o.name) || len(rest) > 0:
		return o, errors.New("say up, down, status, conf, inventory DIR, renew, cluster or majors (-h explains them)")
	case o.name == "inventory" && o.dir == "":
		return o, errors.New("inventory wants a directory to write into")
	case o.major < 1:
		return o, fmt.Errorf("-major %d is no version of PostgreSQL", o.major)
	case o.rows < 1:
		return o, fmt.Errorf("-rows %d: a lab has at least one user", o.rows)
	}
	return o, nil
}
