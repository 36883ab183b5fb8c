package pgbackrest

import (
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/versions"
)

// Ways to bring segments to a replay: the values of -get-async.
const (
	GetAuto = "auto"
	GetOn   = "on"
	GetOff  = "off"
)

// Getting is how archive-get brings segments to a replay, and why so.
type Getting struct {
	Async     bool
	Processes Processes // of an asynchronous one
	Why       string
	env       []string
}

func (g Getting) String() string {
	if g.Async {
		return fmt.Sprintf("archive-get works ahead of the replay, asynchronously: %s; %s", g.Why, g.Processes)
	}
	return "archive-get brings one segment at a time: " + g.Why
}

// ChooseGetting decides how pgBackRest of a version brings segments. Before it was mended two asynchronous workers may
// be at work at once (facts A1): one then takes the file of the other away, which is an error of archive-get, and
// PostgreSQL takes that for the end of the archive. It was seen on one timeline as well, at the last segment, which
// recovery asks for twice: decision 34.
func ChooseGetting(asked, version string) Getting {
	safe := versions.AsyncArchiveGet.In(version)
	since := versions.AsyncArchiveGet.Since()
	switch {
	case asked == GetOff:
		return Getting{Why: "-get-async=off"}
	case asked == GetOn && !safe:
		return Getting{Async: true, Why: fmt.Sprintf("-get-async=on; pgBackRest %s may miss a segment, which ends "+
			"recovery there (mended in %s)", version, since)}
	case asked == GetOn:
		return Getting{Async: true, Why: "-get-async=on"}
	case safe:
		return Getting{Async: true, Why: fmt.Sprintf("safe with pgBackRest %s", version)}
	}
	return Getting{Why: fmt.Sprintf("an asynchronous one of pgBackRest before %s may miss a segment; this is %s", since,
		version)}
}

// bounds of an asynchronous archive-get, unless the conf has its own, which pgBackRest then reads itself: a small part
// of the archive in the spool at once, so that its first segment comes soon; and for one segment as long as a slow
// store may take for it.
var bounds = []struct{ option, value string }{
	{"archive-get-queue-max", "128MiB"},
	{"archive-timeout", "300"},
}

// mostGetters is how many processes keep up with any replay: two do at a round trip of 20 ms.
const mostGetters = 4

// Getting is how a replay on a machine with so many cores gets its segments: see ChooseGetting and Processes.
func (c *Config) Getting(stanza, asked, version string, cores int) Getting {
	g := ChooseGetting(asked, version)
	g.Processes = c.Processes(stanza, "archive-get", min(cores, mostGetters))
	for _, b := range bounds {
		if _, set := c.Line(stanza, "archive-get", b.option); !set {
			g.env = append(g.env, variable(b.option)+b.value)
		}
	}
	if g.Processes.Option > 0 {
		g.env = append(g.env, fmt.Sprintf("%s%d", variable("process-max"), g.Processes.Option))
	}
	return g
}

// variable is how an option is given by environment.
func variable(option string) string {
	return "PGBACKREST_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_")) + "="
}

// ReplayEnv is what PostgreSQL must have in its environment while archive-get runs under it: restore takes none of
// these options. Lock and spool are the run's own, where its processes are found and what they left goes with it.
func (c *Client) ReplayEnv(g Getting) []string {
	if !g.Async {
		return slices.Concat(c.Patience, ReplayEnv)
	}
	own := []string{variable("archive-async") + "y", variable("spool-path") + c.Spool}
	if c.Lock != "" { // else the conf's own; an empty one is refused
		own = append(own, variable("lock-path")+c.Lock)
	}
	return slices.Concat(c.Patience, own, g.env)
}

// Processes is how many processes a command of pgBackRest works with.
type Processes struct {
	Option int    // what the command is told; 0 is nothing: the conf says it, and pgBackRest reads that itself
	conf   string // the line of the conf
	none   string // the conf that has none
}

// Processes is the one rule of the drill and of a real restore: process-max of the conf, as the command sees it;
// without one, the cores of the machine.
func (c *Config) Processes(stanza, command string, cores int) Processes {
	if line, set := c.Line(stanza, command, "process-max"); set {
		return Processes{conf: fmt.Sprintf("process-max=%s (%s)", line.Value, line.Place())}
	}
	return Processes{Option: max(cores, 1), none: c.Path}
}

func (p Processes) String() string {
	if p.conf != "" {
		return p.conf
	}
	return fmt.Sprintf("process-max=%d, by the cores of this machine: %s has none", p.Option, p.none)
}
