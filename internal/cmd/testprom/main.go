// Command testprom runs a restore drill, or reads the event stream of one, and
// turns what it proved into an exit status, Prometheus metrics and a report.
// Run it with -h.
package main

import (
	"os"
	"time"

	"golang.org/x/term"

	"veza.fr/recovery/internal/testprom/runner"
	"veza.fr/recovery/internal/testprom/textfile"
)

func main() {
	os.Exit(runner.Main(os.Args[1:], runner.World{
		Call:     runner.CallAs(os.Args[0]),
		Stdin:    os.Stdin,
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Env:      os.Environ(),
		Terminal: term.IsTerminal(int(os.Stdin.Fd())),
		Colours:  colours(),
		Columns: func() int {
			columns, _, _ := term.GetSize(int(os.Stdout.Fd())) // 0 when it does not say
			return columns
		},
		Signals:  runner.Signals(),
		Now:      time.Now,
		Textfile: textfile.Files{},
		Reap:     reaper,
		Kept:     keeper,
		Tag:      tag,
		Party:    party,
	}))
}

// colours says whether standard output is a terminal that understands escape sequences, and whose
// user wants them (no-color.org).
func colours() bool {
	return term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
