package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// mix is what one source is made of.
type mix struct {
	rows           int
	s3             bool
	options        []string // of pgbackrest.conf, as source.Seeded takes them
	async          bool
	archiveTimeout string
	kind           string // of the backup that is taken last, in the middle of it all
	life           string // what happened to the cluster
	load           string // what goes on before, during and after the backup, and while drills run
	heartbeat      bool
	wide           bool // tablespace, databases, large objects, an unlogged table
	held           bool // a prepared and a long transaction stay open
	neighbour      bool // the conf has another stanza too
}

// Values of life and load.
const (
	quiet      = "quiet"      // nothing happened
	switched   = "switchover" // the primary stopped in good order, and its standby was promoted
	twice      = "switchover-twice"
	failed     = "failover" // the primary died, and its standby had not got everything
	crashed    = "crash"    // the primary died and came back
	freshly    = "promoted-just-now"
	idle       = "idle"    // nobody writes
	idleHours  = "idle-5h" // nobody has written for hours
	busy       = "busy"    // rows and schema change all the time
	beatOnly   = "beating" // nobody writes but the heartbeat
	seldomBusy = "trickle" // a few rows a second
)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// mixed draws a source. Small ones are frequent: they cost least.
func mixed(r *rand.Rand) mix {
	m := mix{
		rows:           pick(r, 1, 1, 5000, 5000, 5000, 5000, 200_000),
		s3:             r.IntN(3) == 0,
		async:          r.IntN(4) == 0,
		archiveTimeout: pick(r, "60s", "5s", "1s"),
		kind:           pick(r, "full", "diff", "incr"),
		life:           pick(r, quiet, quiet, switched, twice, failed, crashed, freshly),
		load:           pick(r, idle, idleHours, busy, busy, busy, seldomBusy, beatOnly),
		heartbeat:      r.IntN(3) > 0,
		wide:           r.IntN(2) == 0,
		held:           r.IntN(3) == 0,
		neighbour:      r.IntN(4) == 0,
	}
	if m.load == idle || m.load == idleHours {
		m.heartbeat = false // a heartbeat that stands still is a true red
	}
	if m.load == beatOnly {
		m.heartbeat = true
	}
	if m.load == idleHours {
		m.s3 = false // files are made older, which objects cannot be
	}
	m.options = append(m.options, "repo1-bundle="+pick(r, "y", "n"),
		"compress-type="+pick(r, "zst", "gz", "lz4", "none"),
		fmt.Sprintf("process-max=%d", 1+r.IntN(3)))
	if r.IntN(3) == 0 {
		m.options = append(m.options, "repo1-cipher-type=none", "repo1-cipher-pass")
	}
	return m
}

// String describes a source in one word for each choice.
func (m mix) String() string {
	repository := map[bool]string{true: "s3", false: "posix"}[m.s3]
	words := []string{
		fmt.Sprint(m.rows, " users"), repository, m.kind, m.life, m.load, "timeout=" + m.archiveTimeout,
	}
	for _, option := range m.options {
		name, value, set := strings.Cut(strings.TrimPrefix(option, "repo1-"), "=")
		if set {
			words = append(words, name+"="+value)
		}
	}
	for _, extra := range []struct {
		name string
		on   bool
	}{
		{"async", m.async},
		{"no-heartbeat", !m.heartbeat},
		{"wide", m.wide},
		{"held", m.held},
		{"two-stanzas", m.neighbour},
	} {
		if extra.on {
			words = append(words, extra.name)
		}
	}
	return strings.Join(words, " ")
}
