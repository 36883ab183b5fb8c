package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Replay is how WAL is fetched and replayed.
type Replay struct {
	Async bool `json:"async"` // by pgBackRest's asynchronous archive-get
	Ahead bool `json:"ahead"` // by the drill's own archive-get, ahead of the replay
	Tuned bool `json:"tuned"` // with the drill's own server settings
}

// Ways to replay. The drill's own is what a drill of these sources does by itself: all of
// their WAL is on one timeline.
var (
	oneByOne   = Replay{}
	async      = Replay{Async: true}
	bothAsync  = Replay{Async: true, Tuned: true}
	asTheDrill = Replay{Ahead: true, Tuned: true}
)

func (r Replay) String() string {
	var parts []string
	if r.Async {
		parts = append(parts, "async archive-get")
	}
	if r.Ahead {
		parts = append(parts, "fetched ahead")
	}
	if r.Tuned {
		parts = append(parts, "the drill's settings")
	}
	return strings.Join(parts, ", ")
}

// Row is what is measured, once a round.
type Row struct {
	Source    string        `json:"source"`
	RoundTrip time.Duration `json:"round_trip_ns"`
	Drill     bool          `json:"drill"` // else the raw commands
	Replay    Replay        `json:"replay"`
	Deep      string        `json:"deep,omitempty"` // the drill's setting
}

// What says what runs, without where.
func (r Row) What() string {
	if r.Drill {
		return "drill, -deep " + r.Deep
	}
	if way := r.Replay.String(); way != "" {
		return "raw commands, " + way
	}
	return "raw commands"
}

func (r Row) String() string {
	return fmt.Sprintf("%-5s  %2d ms  %s", r.Source, r.RoundTrip.Milliseconds(), r.What())
}

// rawAsDrill is the row of the raw commands that replays as the drill does.
func (r Row) rawAsDrill() Row {
	return Row{Source: r.Source, RoundTrip: r.RoundTrip, Replay: asTheDrill}
}

// raw are the ways of the raw commands.
func raw() []Replay { return []Replay{oneByOne, async, bothAsync, asTheDrill} }

// rowsOf are the rows of a source, in the order of a round: what is compared stands together.
// A source that has little to replay shows what the drill adds, and nothing else.
func rowsOf(r Recipe, delays []time.Duration) (list []Row) {
	if r.Segments == 0 {
		row := Row{Source: r.Name, Drill: true, Replay: asTheDrill, Deep: "none"}
		return []Row{row.rawAsDrill(), row}
	}
	for _, delay := range delays {
		for _, way := range raw() {
			list = append(list, Row{Source: r.Name, RoundTrip: delay, Replay: way})
		}
		for _, deep := range []string{"none", "all"} {
			list = append(list, Row{Source: r.Name, RoundTrip: delay, Drill: true, Replay: asTheDrill, Deep: deep})
		}
	}
	return list
}

// inTurn are the rows of one round: every other round goes the other way, so that what
// drifts (a warm cache, a neighbour) is in no row more than in another.
func inTurn(rows []Row, round int) []Row {
	rows = slices.Clone(rows)
	if round%2 == 0 {
		slices.Reverse(rows)
	}
	return rows
}
