// Package command is what the program evidence does: it verifies what drills left as evidence, opens or closes a
// gate by it, and adds acknowledgements.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/version"
)

// Exit statuses.
const (
	exitGood   = 0
	exitBroken = 1 // the evidence is broken, or the gate is closed
	exitUnread = 2 // nothing could be read, or the command line is wrong
)

// World is what a command touches apart from files.
type World struct {
	Out, Err io.Writer
	Now      func() time.Time
}

// A command is one of the program's. A new one is a line of the table commands, and a file like verify.go.
type command struct {
	name  string
	args  string // as the synopsis shows them
	about string // for -h; lines that are indented are examples
	// flags registers the command's flags, and returns what runs with the words that are none.
	flags func(set *flag.FlagSet) func(w World, words []string) (int, error)
}

var commands = []command{verify, gate, show, ack, push, key}

const head = `evidence checks what drills left in the directory of "testprom -evidence DIR": a signed
statement of every run, and a ledger that chains them.

`

const tail = `
Flags may stand before or behind DIR. "evidence COMMAND -h" explains one command.

Exit status: 0 all is well; 1 the evidence is broken or forged, or the gate is closed;
2 it could not be read, or the command line is wrong.
`

// Page is what a manual page says of one command.
type Page struct {
	Name, Synopsis, About string
	Flags                 *flag.FlagSet
}

// Manual is what the manual page is made of: the commands, and what -h prints around them.
func Manual() (before string, pages []Page, after string) {
	for _, c := range commands {
		set := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.flags(set)
		pages = append(pages, Page{c.name, "evidence " + c.name + " " + c.args, c.about, set})
	}
	return head, pages, tail
}

// Main is the program: it returns the exit status.
func Main(args []string, w World) int {
	if len(args) == 0 {
		_, _ = io.WriteString(w.Err, head+synopsis()+tail)
		return exitUnread
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		_, _ = io.WriteString(w.Out, head+synopsis()+tail)
		return exitGood
	case "-version", "--version":
		version.Print(w.Out, "evidence")
		return exitGood
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		_, _ = fmt.Fprintf(w.Err, "evidence: there is no command %s; %s-h lists them all\n", suite.Line(args[0]),
			meant(args[0]))
		return exitUnread
	}
	return commands[i].main(args[1:], w)
}

// meant asks for the command that a wrong one is near to; "" when none is.
func meant(wrong string) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	if near := suite.Nearest(names, wrong); near != "" {
		return "did you mean " + near + "? "
	}
	return ""
}

func (c command) main(args []string, w World) int {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	run := c.flags(set)
	words, err := parse(set, args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintf(w.Out, "evidence %s %s\n\n%s\nFlags:\n", c.name, c.args, c.about)
		set.SetOutput(w.Out)
		set.PrintDefaults()
		return exitGood
	}
	exit := exitUnread
	if err != nil {
		err = errors.New(suite.FlagError(set, err))
	} else {
		exit, err = run(w, words)
	}
	if err != nil {
		_, _ = fmt.Fprintf(w.Err, "evidence %s: %s\n", c.name, suite.Line(err.Error()))
		return exitUnread
	}
	return exit
}

// parse reads flags before and behind the words that are none; behind -- there are only words.
func parse(set *flag.FlagSet, args []string) (words []string, err error) {
	var literal []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, literal = args[:i], args[i+1:]
	}
	for {
		if err = set.Parse(args); err != nil {
			return nil, err
		}
		if set.NArg() == 0 {
			return append(words, literal...), given(set)
		}
		words, args = append(words, set.Arg(0)), set.Args()[1:]
	}
}

// given refuses a flag without a value: a variable that a pipeline forgot to set would look at less than was asked.
func given(set *flag.FlagSet) (err error) {
	set.Visit(func(f *flag.Flag) {
		if strings.TrimSpace(f.Value.String()) == "" {
			err = fmt.Errorf("-%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// one is the only word of a command line.
func one(words []string, what string) (string, error) {
	switch {
	case len(words) == 0 || words[0] == "":
		return "", fmt.Errorf("name %s", what)
	case len(words) > 1:
		return "", fmt.Errorf("%q is one word too many: it takes %s", words[1], what)
	}
	return words[0], nil
}

const directory = "DIR, the directory of `testprom -evidence DIR`"

func synopsis() string {
	var b strings.Builder
	for _, c := range commands {
		_, _ = fmt.Fprintf(&b, "  evidence %s %s\n", c.name, c.args)
	}
	return b.String()
}
