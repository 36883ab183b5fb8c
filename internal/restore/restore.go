// Package restore is the program veza-restore: its flags, its question and its log, and the drill's
// steps played in this process.
package restore

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/term"

	"veza.fr/recovery/drill"
	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/suite/player"
	"veza.fr/recovery/internal/testprom/runner"
)

const program = "veza-restore"

// longest bounds a run: nobody cuts a restore off that takes its time, and one that hangs has an end.
const longest = 7 * 24 * time.Hour

// Streams are those of the process.
type Streams struct{ In, Out, Err *os.File }

// Main is veza-restore on a machine with that environment for a data directory; it returns the exit status.
func Main(args []string, streams Streams, machine func(data string) environment.Environment) int {
	return streams.run(args, func(t suite.T, wanted drill.Real) {
		wanted.Environment = machine
		drill.Restore(t, wanted)
	})
}

// run is the program with the steps it plays.
func (s Streams) run(args []string, steps func(suite.T, drill.Real)) int {
	given, exit, done := parse(args, s.Out, s.Err)
	if done {
		return exit
	}
	wanted, asks := given.wanted, !given.yes && !given.wanted.Plan
	if asks && !term.IsTerminal(int(s.In.Fd())) {
		return s.refuse("standard input is no terminal, and nobody can be asked: -yes restores without asking, " +
			"-plan says what would be restored")
	}
	log, err := openLog(given)
	if err != nil {
		return s.refuse(err.Error())
	}
	_ = debug.SetCrashOutput(log.File, debug.CrashOptions{}) // what no step survives is in the log at least
	suite.Listen()
	played := runner.Played{
		Suite: wanted.Suite(), Report: given.report, Log: &runner.Log{Path: log.Path, File: log.File},
		Stanza: given.settings.Stanza, Verbose: given.verbose,
		Do: func(stage runner.Stage) {
			wanted.Confirm = prompt{s.In, asks, stage.Screen, stage.Log}.confirm
			test := player.Test{Package: program, Name: wanted.Suite().Test, Until: time.Now().Add(longest)}
			player.Play(stage.Events, test, func(t suite.T) { steps(t, wanted) })
		},
	}
	return runner.Play(played, runner.World{
		Program: program, Stdout: s.Out, Stderr: s.Err, Env: os.Environ(), Colours: s.colours(),
		Columns: func() int {
			columns, _, _ := term.GetSize(int(s.Out.Fd())) // 0 when it does not say
			return columns
		},
		Signals: runner.Signals(), Now: time.Now,
	})
}

// refuse says in one line why nothing was begun.
func (s Streams) refuse(why string) int {
	fmt.Fprintln(s.Err, program+":", suite.Line(why))
	return reason.ExitEnvironment
}

// colours says whether standard output is a terminal that understands escape sequences, and whose
// user wants them (no-color.org).
func (s Streams) colours() bool {
	return term.IsTerminal(int(s.Out.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
