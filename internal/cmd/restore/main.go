// Command veza-restore restores the cluster of this node in earnest: the steps of the restore drill, into
// the real data directory. Run it with -h.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"veza.fr/recovery/drill"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/suite/player"
	"veza.fr/recovery/internal/testprom/runner"
)

const program = "veza-restore"

// longest bounds a run: nobody cuts a restore off that takes its time, and one that hangs has an end.
const longest = 7 * 24 * time.Hour

func main() { os.Exit(restore(os.Args[1:], drill.Restore)) }

// restore is the program, with the steps it plays; it returns the exit status.
func restore(args []string, steps func(suite.T, drill.Real)) int {
	asked, exit, done := parse(args, os.Stdout, os.Stderr)
	if done {
		return exit
	}
	question := prompt{in: os.Stdin, ask: !asked.yes && !asked.wanted.Plan}
	if question.ask && !term.IsTerminal(int(os.Stdin.Fd())) {
		return refuse("standard input is no terminal, and nobody can be asked: -yes restores without asking, " +
			"-plan says what would be restored")
	}
	log, err := openLog(asked)
	if err != nil {
		return refuse(err.Error())
	}
	wanted := asked.wanted
	wanted.Environment = here
	suite.Listen()
	played := runner.Played{
		Suite: wanted.Suite(), Report: asked.report, Log: log, Stanza: asked.settings.Stanza, Verbose: asked.verbose,
		Do: func(stage runner.Stage) {
			question.screen, question.log = stage.Screen, stage.Log
			wanted.Confirm = question.confirm
			test := player.Test{Package: program, Name: wanted.Suite().Test, Until: time.Now().Add(longest)}
			player.Play(stage.Events, test, func(t suite.T) { steps(t, wanted) })
		},
	}
	return runner.Play(played, runner.World{
		Program: program, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(), Colours: colours(),
		Columns: func() int {
			columns, _, _ := term.GetSize(int(os.Stdout.Fd())) // 0 when it does not say
			return columns
		},
		Signals: runner.Signals(), Now: time.Now,
	})
}

// refuse says in one line why nothing was begun.
func refuse(why string) int {
	fmt.Fprintln(os.Stderr, program+":", suite.Line(why))
	return reason.ExitEnvironment
}

// colours says whether standard output is a terminal that understands escape sequences, and whose
// user wants them (no-color.org).
func colours() bool {
	return term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
