package runner

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/compile"
)

// Deadlines, from design.md "Budgets and deadlines".
const (
	defaultRTO     = 30 * time.Minute
	defaultRPO     = 2 * time.Minute
	defaultCompare = 30 * time.Minute // of -compare-budget
	overRTO        = 15 * time.Minute // what -timeout adds to the budgets
	overTimeout    = 5 * time.Minute  // what -limit adds to -timeout
)

// command is what is run: argv and environment made fit for a verdict.
type command struct {
	test    string // the only test that is run where nobody chose; "" is the package's own choice
	argv    []string
	env     []string
	timeout time.Duration // the test binary's own deadline
	why     string        // in words, where it is not the usual one
	stanza  string        // as the command line or the environment names it
	place   Place         // where its sandboxes are made
	past    string        // the moment of the repository that is asked for, as typed; "" is now
	tags    []string      // build tags of what is run
	// compiles says that the test begins some time after the command.
	compiles bool
	job      *compile.Job // what has to be compiled for it; nil when nothing, or nobody knows
}

// prepare turns what the user typed into what is run. Lasted says how long whole runs of a stanza took; nil: nobody
// knows.
func prepare(s suite.Suite, typed, env []string, lasted func(stanza string) []time.Duration) (command, error) {
	settings := flags(typed[1:])
	said := func(flag, variable string) string { // typed: env DRILL_STANZA=main ...
		return settings.or(flag, cmp.Or(lookup(typed, variable), lookup(env, variable)))
	}
	c := command{env: absoluteEnv(env), stanza: said("stanza", "DRILL_STANZA")}
	c.past = said("repo-target-time", "DRILL_REPO_TARGET_TIME")
	c.place = Place{said("incus-remote", remoteVariable), said("incus-project", projectVariable)}
	c.tags = tagsOf(typed, env)
	if c.timeout = s.Timeout; c.timeout == 0 {
		c.timeout = time.Duration(max(s.Restores, 1))*budget(settings, env) + overRTO
		if !s.Chosen {
			c.timeout += comparing(settings, env)
		}
	}
	if lasted != nil {
		c.timeout, c.why = measuredTimeout(c.timeout, lasted(c.stanza))
	}
	name, isBinary := testBinary(typed[0])
	if s.Chosen {
		c.test = s.Test
	}
	switch {
	case isGoTest(typed):
		c.argv = c.goTest(absolute(typed))
		c.compiles, c.job = true, jobOf(c.argv, c.env)
	case isBinary:
		tool, err := test2json(typed[0])
		if err != nil {
			return c, err
		}
		c.argv = c.binary(tool, name, absolute(typed))
	default:
		c.argv = typed
	}
	return c, nil
}

// budget is the RTO budget the command will use.
func budget(settings flagValues, env []string) time.Duration {
	return duration(settings.or("rto", lookup(env, "DRILL_RTO")), defaultRTO)
}

// comparing is what -compare may add to a run: its own budget, and for another backup
// set a second restore, with the replay up to the first.
func comparing(settings flagValues, env []string) time.Duration {
	asking := duration(settings.or("compare-budget", lookup(env, "DRILL_COMPARE_BUDGET")), defaultCompare)
	switch settings.or("compare", lookup(env, "DRILL_COMPARE")) {
	case "standby":
		return asking
	case "sets":
		return asking + budget(settings, env)
	}
	return 0
}

// duration is a setting's value. One that cannot be read is for the drill to refuse.
func duration(value string, otherwise time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return otherwise
	}
	return d
}

func isGoTest(argv []string) bool {
	return len(argv) > 1 && filepath.Base(argv[0]) == "go" && argv[1] == "test"
}

// goTest adds what a verdict needs right after `go test`: before the packages,
// and so before -args. It is -v=test2json and not -v, because a plain -v takes
// back what -json asks of the test binary: steps would end only when the whole
// test does, and text that a child prints could pass for a result.
func (c *command) goTest(argv []string) []string {
	head, rest := argv[:2], argv[2:]
	if len(rest) > 0 && (strings.HasPrefix(rest[0], "-C=") || strings.HasPrefix(rest[0], "--C=")) {
		head, rest = argv[:3], argv[3:] // go wants it first
	} else if len(rest) > 1 && (rest[0] == "-C" || rest[0] == "--C") {
		head, rest = argv[:4], argv[4:]
	}
	own, passedOn := splitArgs(rest)
	given := flags(own)
	own = without(own, "v", "test.v", "json")
	added := []string{"-json", "-v=test2json"}
	_, short := given["short"]
	if _, testShort := given["test.short"]; !short && !testShort {
		// In GOFLAGS, the variable or that of go env -w, it is there for unit tests, and would leave the drill out.
		added = append(added, "-short=false")
	}
	if _, chosen := given["vet"]; !chosen {
		added = append(added, "-vet=off") // it reads every package again, and says nothing of the backups
	}
	added = append(added, c.unlessGiven(given, "", "count", "timeout")...)
	added = append(added, c.chosen(given, "")...)
	return slices.Concat(head, added, own, without(passedOn, "test.v", "test.paniconexit0"))
}

// binary runs a compiled test under test2json the way cmd/go would: -t, or all
// times are lost, and paniconexit0, or os.Exit(0) in a test passes for its end
// (facts C1, C2). test2json ignores SIGINT, and what it starts inherits that: a
// test hears the signal only because it asks for it.
func (c *command) binary(tool []string, name string, argv []string) []string {
	added := []string{"-test.v=test2json", "-test.paniconexit0"}
	added = append(added, c.unlessGiven(flags(argv[1:]), "test.", "count", "timeout")...)
	added = append(added, c.chosen(flags(argv[1:]), "test.")...)
	own := without(argv[1:], "test.v", "test.paniconexit0")
	return slices.Concat(tool, []string{"-t", "-p", name}, argv[:1], added, own)
}

// unlessGiven are -count=1 and -timeout, unless the user chose them; a timeout
// of the user's is remembered.
func (c *command) unlessGiven(given flagValues, prefix string, names ...string) (added []string) {
	for _, name := range names {
		value, ok := given[prefix+name]
		if !ok {
			value, ok = given["test."+name]
		}
		switch {
		case !ok && name == "count":
			added = append(added, "-"+prefix+"count=1")
		case !ok:
			added = append(added, "-"+prefix+"timeout="+c.timeout.String())
		case name == "timeout":
			if d, err := time.ParseDuration(value); err == nil && d > 0 {
				c.timeout = d
			}
			c.why = ""
		}
	}
	return added
}

// chosen is a -run for a test that its package leaves alone otherwise, unless the user has one.
func (c *command) chosen(given flagValues, prefix string) []string {
	_, run := given["run"]
	_, testRun := given["test.run"]
	if c.test == "" || run || testRun {
		return nil
	}
	return []string{"-" + prefix + "run=^" + c.test + "$"}
}

// testBinary says whether a program is a compiled Go test, and of which package.
func testBinary(program string) (name string, ok bool) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", false
	}
	if info, err := buildinfo.ReadFile(path); err == nil && strings.HasSuffix(info.Path, ".test") {
		return strings.TrimSuffix(info.Path, ".test"), true
	}
	base := filepath.Base(program)
	return strings.TrimSuffix(base, ".test"), strings.HasSuffix(base, ".test")
}

// test2json finds the converter: beside the test binary, beside testprom, in
// PATH, else in the Go installation. Go 1.25 and later do not ship it built
// (facts C3).
func test2json(binary string) ([]string, error) {
	self, _ := os.Executable()
	for _, beside := range []string{binary, self} {
		tool := filepath.Join(filepath.Dir(beside), "test2json")
		if info, err := os.Stat(tool); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			absolute, err := filepath.Abs(tool)
			return []string{absolute}, err
		}
	}
	if tool, err := exec.LookPath("test2json"); err == nil {
		return []string{tool}, nil
	}
	if tool, err := exec.LookPath("go"); err == nil {
		return []string{tool, "tool", "test2json"}, nil
	}
	return nil, fmt.Errorf("test2json is neither beside %s nor beside testprom nor in PATH, and there is no Go here: "+
		"build it with `go build -o %s cmd/test2json`", binary, filepath.Join(filepath.Dir(binary), "test2json"))
}
