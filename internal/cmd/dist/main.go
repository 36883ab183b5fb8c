// Command dist makes the tarball and the Debian package of the drill, out of the checkout in which it
// is called: make dist. Run it with -h.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"veza.fr/recovery/internal/packaging"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	w := packaging.Wish{Root: ".", Epoch: os.Getenv("SOURCE_DATE_EPOCH")}
	flag.StringVar(&w.Out, "out", "out/dist", "`DIRECTORY` of what is made")
	flag.StringVar(&w.Tag, "tag", "drill", "build `TAG` of the environment: drill, ci or none")
	flag.StringVar(&w.Arch, "arch", runtime.GOARCH, "`GOARCH` of the machine it is for")
	flag.StringVar(&w.Version, "version", "", "`VERSION` instead of what git says")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("%q belongs to no flag", flag.Arg(0))
	}
	return packaging.Make(ctx, w, os.Stdout)
}
