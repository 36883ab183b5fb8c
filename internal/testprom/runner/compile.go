package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/testprom/compile"
	"veza.fr/recovery/internal/testprom/testreport"
)

// compile compiles what `go test` needs before it is run, so that somebody who waits sees what for,
// and the run's limit and duration are those of the run. Nothing is decided here but an end from
// outside (false): what does not compile, go test says.
func (r *run) compile(c command) bool {
	if c.job == nil {
		return true
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type ended struct {
		progress compile.Progress
		err      error
	}
	shown := compile.Shown{
		Out: r.Stdout, Terminal: r.Colours, What: "the " + r.suite.Name, Before: c.job.Before(),
	}
	done := make(chan ended, 1)
	tell, told := shown.Tell, shown.End
	if r.live.status != nil {
		tell, told = func(p compile.Progress) { r.live.compiling(p, shown.Head(p)) }, r.live.compiled
	}
	go func() {
		p, err := c.job.Run(ctx, tell)
		done <- ended{p, err}
	}()
	for {
		select {
		case sig := <-r.signals:
			r.collector.Stop(reason.Interrupted, fmt.Sprintf("testprom received the signal %q", sig))
			cancel()
		case end := <-done:
			told(end.progress, end.err)
			if end.err == nil && end.progress.Done > 0 {
				_ = c.job.Remember(end.progress) // a number for the next time
			}
			return ctx.Err() == nil
		}
	}
}

// begins notes when the test itself began: at its first event. What go test compiles and links
// before belongs to nobody's limit and to no duration.
func (r *run) begins(e *testreport.Event) {
	if r.testBegan.Load() != nil || e.Action == testreport.ActionBuildOutput || e.Action == testreport.ActionBuildFail {
		return
	}
	now := r.Now()
	r.testBegan.Store(&now) // events come one at a time
	close(r.begun)
}

// jobOf is what go test compiles; nil when the packages cannot be told from other words, or there
// are none to tell.
func jobOf(argv, env []string) *compile.Job {
	j := &compile.Job{Go: argv[0], Env: env, Tests: true}
	rest := argv[2:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") && rest[0] != "-args" && rest[0] != "--args" {
		name, value, inline := strings.Cut(strings.TrimPrefix(rest[0][1:], "-"), "=")
		taken := 1
		if !inline && !slices.Contains(booleans, name) {
			if len(rest) == 1 {
				return nil
			}
			value, taken = rest[1], 2
		}
		switch {
		case name == "C":
			j.Dir = value
		case slices.Contains(buildFlags, name):
			j.Flags = append(j.Flags, rest[:taken]...)
		}
		rest = rest[taken:]
	}
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		j.Packages, rest = append(j.Packages, rest[0]), rest[1:]
	}
	own, _ := splitArgs(rest)
	if tags := flags(own)["tags"]; tags != "" { // flags may stand behind the packages too
		j.Flags = append(j.Flags, "-tags="+tags)
	}
	if len(j.Packages) == 0 {
		return nil
	}
	return j
}

// Of the flags of go test (go help build, go help testflag): those that need no value, and those
// that change what is compiled.
var (
	booleans = []string{
		"a", "asan", "benchmem", "c", "cover", "failfast", "fullpath", "json", "linkshared", "modcacherw", "msan", "n",
		"race", "short", "trimpath", "v", "work", "x", "artifacts",
	}
	buildFlags = []string{
		"asan", "asmflags", "buildmode", "compiler", "gccgoflags", "gcflags", "installsuffix", "linkshared", "mod",
		"modcacherw", "modfile", "msan", "overlay", "p", "pgo", "pkgdir", "race", "tags", "trimpath",
	}
)

// compileLimit is how long go test may take before its test begins.
var compileLimit time.Duration = compile.Limit
