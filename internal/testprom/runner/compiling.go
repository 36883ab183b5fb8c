package runner

import (
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/compile"
)

// phases are what a terminal calls what is compiled before a test, and what is counted.
var phases = map[compile.Phase]struct{ name, what, unit string }{
	compile.Downloading: {"download", "fetched", "modules"},
	compile.Compiling:   {"compile", "compiled", "packages"},
}

// compiling shows in the last line of a terminal how far compiling is, and once above it what head says of it.
func (l *live) compiling(p compile.Progress, head string) {
	phase := phases[p.Phase]
	if l.phase != phase.name {
		l.phase = phase.name
		l.line(head)
		l.status.begin(phase.name)
	}
	l.status.progress(suite.Progress{What: phase.what, Done: int64(p.Done), Total: int64(p.Total), Unit: phase.unit},
		time.Time{}.Add(p.Took))
}

// compiled says that it is over, when it took any time.
func (l *live) compiled(p compile.Progress, err error) {
	l.status.end()
	switch {
	case l.phase == "":
	case err != nil:
		l.printf("%s %-10s %8s\n", l.style.yellow("-"), l.phase, humanSeconds(p.Took.Seconds()))
	default:
		l.printf("%s %-10s %8s\n", l.style.green("✓"), l.phase, humanSeconds(p.Took.Seconds()))
	}
	l.status.begin("link") // by go test, until the first event
}
