package suite

import (
	"io"
	"time"
)

// T is the test that a suite runs as: of the testing package, or of a player (package player),
// which runs the same steps in a program. Nothing but tests imports testing, so that no program of
// the product carries it and its flags; *testing.T fits by its methods.
type T interface {
	test
	Run(name string, do func(T)) bool
}

// Tester is a T whose subtests are of its own type, as those of *testing.T are.
type Tester[Sub any] interface {
	test
	Run(name string, do func(Sub)) bool
}

// test is what both have in common. Its methods do what those of testing.T do.
type test interface {
	Name() string
	Attr(key, value string)
	Output() io.Writer
	Error(args ...any)
	Fatal(args ...any)
	FailNow()
	Skipf(format string, args ...any)
	Cleanup(do func())
	Deadline() (time.Time, bool)
	Helper()
}

// adapter makes a T of a Tester.
type adapter[Sub Tester[Sub]] struct{ Tester[Sub] }

func (a adapter[Sub]) Run(name string, do func(T)) bool {
	return a.Tester.Run(name, func(sub Sub) { do(adapter[Sub]{sub}) })
}
