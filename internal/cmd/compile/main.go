// Command compile compiles testprom and what a test needs, and says how far it is: before
// testprom is there, nobody else could. Run it with -h.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"strings"
	"syscall"

	"golang.org/x/term"

	"veza.fr/recovery/internal/testprom/compile"
)

const usage = `usage: compile [-go GO] [-tags TAGS] -o FILE MAIN [PACKAGE...]

Builds the program MAIN into FILE, and compiles all that the tests of PACKAGE need into Go's
own build cache, where go test finds it. While it does, it says how far it is and how long it
took last time; when everything is there, it says nothing.

`

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("compile", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flags.PrintDefaults()
	}
	tool := flags.String("go", "go", "the go command")
	tags := flags.String("tags", "", "build tags")
	file := flags.String("o", "", "the program's `FILE`")
	_ = flags.Parse(os.Args[1:]) // it ends the program
	if *file == "" || flags.NArg() == 0 {
		flags.Usage()
		os.Exit(exitUsage)
	}
	if err := run(ctx, *tool, *tags, *file, flags.Arg(0), flags.Args()[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		os.Exit(exitFailed)
	}
}

// named is what packages are called: testprom and drill.
func named(packages []string) string {
	var names []string
	for _, pkg := range packages {
		names = append(names, path.Base(pkg))
	}
	return strings.Join(names, " and ")
}

// run compiles the packages with their progress, and builds the program of them.
func run(ctx context.Context, tool, tags, file, program string, tests []string) error {
	flags := []string{"-tags=" + tags}
	job := compile.Job{Go: tool, Flags: flags, Packages: append([]string{program}, tests...), Tests: true}
	shown := compile.Shown{
		Out: os.Stderr, Terminal: term.IsTerminal(int(os.Stderr.Fd())), What: named(job.Packages),
		Before: job.Before(),
	}
	took, failed := job.Run(ctx, shown.Tell)
	shown.End(took, failed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed == nil && took.Done > 0 {
		_ = job.Remember(took) // a number for the next time
	}
	// What failed above fails here again, in the words of the go command.
	build := exec.CommandContext(ctx, tool, append([]string{"build", "-o", file}, append(flags, program)...)...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return build.Run()
}
