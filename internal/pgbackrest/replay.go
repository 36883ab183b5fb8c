package pgbackrest

import (
	"fmt"
	"slices"
	"strconv"
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
	Async     bool      // pgBackRest's own asynchronous archive-get
	Ahead     int       // how many are brought ahead of the replay, by one archive-get each: see Client.FetchAhead
	Processes Processes // of an asynchronous one
	Why       string    // else, or with Async
	env       []string
	buffer    []string
}

func (g Getting) String() string {
	switch {
	case g.Async:
		return fmt.Sprintf("archive-get works ahead of the replay, asynchronously: %s; %s", g.Why, g.Processes)
	case g.Ahead > 0:
		return fmt.Sprintf("segments are fetched up to %d ahead of the replay, by an archive-get each", g.Ahead)
	}
	return "archive-get brings one segment at a time: " + g.Why
}

// Fetched is the way in which segments came, when so many had been fetched ahead of the replay that is over, and
// archive-get said so where it brought none.
func (g Getting) Fetched(count int, failed string) string {
	if count > 0 {
		return g.String()
	}
	if failed != "" {
		failed = ": " + failed
	}
	return "restore_command brought one segment at a time, none was fetched ahead" + failed
}

// What is fetched ahead of a replay: four keep up with any at a round trip of 20 ms (decision 34), and there is no
// need to ask the disk for more than 128 MiB, pgBackRest's own default for archive-get-queue-max.
const (
	mostAhead      = 4
	mostAheadBytes = 128 << 20
)

// ChooseGetting decides how segments of a size are brought by pgBackRest of a version. Its asynchronous archive-get is
// for who asks for it: it is slower than fetching ahead, and before it was mended two workers may be at work at once
// (facts A1). One then takes the file of the other away, which is an error of archive-get, and PostgreSQL takes that
// for the end of the archive: decision 34.
func ChooseGetting(asked, version string, segmentSize uint64) Getting {
	switch {
	case asked == GetOff:
		return Getting{Why: "-get-async=off"}
	case asked == GetOn && !versions.AsyncArchiveGet.In(version):
		return Getting{Async: true, Why: fmt.Sprintf("-get-async=on; pgBackRest %s may miss a segment, which ends "+
			"recovery there (mended in %s)", version, versions.AsyncArchiveGet.Since())}
	case asked == GetOn:
		return Getting{Async: true, Why: "-get-async=on"}
	}
	ahead := min(mostAhead, mostAheadBytes/max(segmentSize, 1))
	if ahead == 0 {
		return Getting{Why: fmt.Sprintf("segments of %d MiB are too large to be fetched ahead", segmentSize>>20)}
	}
	return Getting{Ahead: int(ahead)}
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

// Getting is how a replay on a machine with so many cores gets its segments, of a size: see ChooseGetting and
// Processes.
func (c *Config) Getting(stanza, asked, version string, segmentSize uint64, cores int) Getting {
	g := ChooseGetting(asked, version, segmentSize)
	g.Processes = c.Processes(stanza, "archive-get", min(cores, mostGetters))
	g.buffer = c.Buffer(stanza, "archive-get")
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
		return slices.Concat(c.Patience, c.Identity, ReplayEnv, g.buffer)
	}
	own := []string{variable("archive-async") + "y", variable("spool-path") + c.Spool}
	if c.Lock != "" { // else the conf's own; an empty one is refused
		own = append(own, variable("lock-path")+c.Lock)
	}
	return slices.Concat(c.Patience, c.Identity, own, g.env, g.buffer)
}

// Buffer is the environment that gives a command of pgBackRest smaller buffers, unless the conf has a size, which
// pgBackRest then reads itself. Each of the default size, 1 MiB, is memory that malloc takes from the kernel and gives
// back, once for each step that a file goes through: more than half of what archive-get costs (decision 34).
func (c *Config) Buffer(stanza, command string) []string {
	if _, set := c.Line(stanza, command, "buffer-size"); set {
		return nil
	}
	return []string{variable("buffer-size") + "256KiB"}
}

// Processes is how many processes a command of pgBackRest works with.
type Processes struct {
	Option int    // what the command is told; 0 is nothing: the conf says it, and pgBackRest reads that itself
	conf   string // the line of the conf
	count  int    // and the number in it
	none   string // the conf that has none
}

// Processes is the one rule of the drill and of a real restore: process-max of the conf, as the command sees it;
// without one, the cores of the machine.
func (c *Config) Processes(stanza, command string, cores int) Processes {
	if line, set := c.Line(stanza, command, "process-max"); set {
		count, _ := strconv.Atoi(line.Value) // 0 is none: pgBackRest will say so
		return Processes{conf: fmt.Sprintf("process-max=%s (%s)", line.Value, line.Place()), count: count}
	}
	return Processes{Option: max(cores, 1), none: c.Path}
}

// Count is how many that are; 0 is not known.
func (p Processes) Count() int {
	if p.conf == "" {
		return p.Option
	}
	return p.count
}

func (p Processes) String() string {
	if p.conf != "" {
		return p.conf
	}
	return fmt.Sprintf("process-max=%d, by the cores of this machine: %s has none", p.Option, p.none)
}
