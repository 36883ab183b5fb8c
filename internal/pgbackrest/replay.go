package pgbackrest

import (
	"fmt"
	"slices"
	"strconv"

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
	Processes int // at once, of an asynchronous one
	Why       string
}

func (g Getting) String() string {
	if g.Async {
		return fmt.Sprintf("archive-get works ahead of the replay, asynchronously, %d at a time: %s",
			g.Processes, g.Why)
	}
	return "archive-get brings one segment at a time: " + g.Why
}

// ChooseGetting decides how pgBackRest of a version brings the segments of a chain with so many changes of timeline.
// An asynchronous archive-get waits for a segment that nobody brings when two of it race for the lock (facts A1).
// On one timeline the one that wins brings it all the same: both were told to begin there.
func ChooseGetting(asked, version string, switches int) Getting {
	safe := versions.AsyncArchiveGet.In(version)
	since := versions.AsyncArchiveGet.Since()
	switch {
	case asked == GetOff:
		return Getting{Why: "-get-async=off"}
	case asked == GetOn && switches > 0 && !safe:
		return Getting{Async: true, Why: fmt.Sprintf("-get-async=on; pgBackRest %s may miss a segment at a change of "+
			"timeline, which ends recovery there (mended in %s)", version, since)}
	case asked == GetOn:
		return Getting{Async: true, Why: "-get-async=on"}
	case safe:
		return Getting{Async: true, Why: fmt.Sprintf("safe with pgBackRest %s", version)}
	case switches == 0:
		return Getting{Async: true, Why: fmt.Sprintf("safe on one timeline with pgBackRest %s", version)}
	}
	return Getting{Why: fmt.Sprintf("the archive changes its timeline %d times, and an asynchronous one of pgBackRest "+
		"before %s may then miss a segment; this is %s", switches, since, version)}
}

// With is the same by so many processes at once, as far as they pay.
func (g Getting) With(processes int) Getting {
	g.Processes = min(max(processes, 1), mostGetters)
	return g
}

// What bounds an asynchronous archive-get.
const (
	// getQueue is how much of the archive lies in the spool at once; one of many segments only begins later.
	getQueue = "128MiB"
	// getPatience is how many seconds archive-get waits for one segment: as long as a slow store may take for it.
	getPatience = 300
	// mostGetters is how many processes keep up with any replay: two do at a round trip of 20 ms.
	mostGetters = 4
)

// ReplayEnv is what PostgreSQL must have in its environment while archive-get runs under it: restore takes none of
// these options. Lock and spool are the run's own, where its processes are found and what they left goes with it.
func (c *Client) ReplayEnv(g Getting) []string {
	if !g.Async {
		return slices.Concat(c.Patience, ReplayEnv)
	}
	var lock []string
	if c.Lock != "" { // else the conf's own; an empty one is refused
		lock = []string{"PGBACKREST_LOCK_PATH=" + c.Lock}
	}
	return slices.Concat(c.Patience, lock, []string{
		"PGBACKREST_ARCHIVE_ASYNC=y", "PGBACKREST_SPOOL_PATH=" + c.Spool, "PGBACKREST_ARCHIVE_GET_QUEUE_MAX=" + getQueue,
		fmt.Sprintf("PGBACKREST_ARCHIVE_TIMEOUT=%d", getPatience),
		fmt.Sprintf("PGBACKREST_PROCESS_MAX=%d", g.Processes),
	})
}

// Processes is how many processes a command of pgBackRest works with, the one rule of the drill and of a real
// restore: process-max of the conf, as the command sees it; without one, the cores of the machine. why says which.
func (c *Config) Processes(stanza, command string, cores int) (n int, why string) {
	line, set := c.Line(stanza, command, "process-max")
	if n, err := strconv.Atoi(line.Value); set && err == nil && n > 0 {
		return n, fmt.Sprintf("process-max of %s", line.Place())
	}
	return max(cores, 1), fmt.Sprintf("the cores of this machine, for %s has no process-max", c.Path)
}
