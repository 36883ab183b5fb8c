package bench

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"
)

// schema is that of the kept file; another one is compared with nothing.
const schema = 1

// Result is what a run measured: every single measurement, and on what.
type Result struct {
	Schema   int        `json:"schema"`
	Began    time.Time  `json:"began"`
	Ended    time.Time  `json:"ended"`
	Build    string     `json:"build"`
	Machine  Machine    `json:"machine"`
	Rounds   int        `json:"rounds"`
	Sources  []Source   `json:"sources"`
	LeftOut  []string   `json:"left_out,omitempty"`
	Measured []Measured `json:"measured"`
}

// Measured is a row with its measurements, one a round.
type Measured struct {
	Row
	Measurements []Measurement `json:"measurements"`
}

// Measurement is one of a row. Seconds is all of it; the others are parts.
type Measurement struct {
	At      time.Time          `json:"at"`
	Load    float64            `json:"load"` // of the minute before it
	Round   int                `json:"round"`
	Seconds float64            `json:"seconds"`
	Restore float64            `json:"restore_seconds"`
	Replay  float64            `json:"replay_seconds"`         // from the start of PostgreSQL to the first answer
	Redo    float64            `json:"redo_seconds,omitempty"` // as the server's log has it; 0 for not known
	Parts   map[string]float64 `json:"parts,omitempty"`        // steps and checks of a drill
}

// row is what was measured of a row, nil for nothing.
func (r *Result) row(of Row) []Measurement {
	for _, m := range r.Measured {
		if m.Row == of {
			return m.Measurements
		}
	}
	return nil
}

// alike says whether a source of another result is as much to restore and to replay, whatever made it.
func (r *Result) alike(other *Result, name string) bool {
	for _, s := range r.Sources {
		for _, o := range other.Sources {
			if s.Name == name && o.Name == name {
				return s.Gigabytes == o.Gigabytes && s.Segments == o.Segments && s.Edition == o.Edition
			}
		}
	}
	return false
}

// add keeps one more measurement.
func (r *Result) add(of Row, m Measurement) {
	for i := range r.Measured {
		if r.Measured[i].Row == of {
			r.Measured[i].Measurements = append(r.Measured[i].Measurements, m)
			return
		}
	}
	r.Measured = append(r.Measured, Measured{of, []Measurement{m}})
}

// Load reads the result of an earlier run; nil when there is none of this schema.
func Load(path string) (*Result, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Result
	if err = json.Unmarshal(content, &r); err != nil || r.Schema != schema {
		return nil, err
	}
	return &r, nil
}

// Save writes a result whole, or not at all. Passphrases are not in it.
func (r *Result) Save(path string) error {
	kept := *r
	kept.Sources = nil
	for _, s := range r.Sources {
		s.Passphrase = ""
		kept.Sources = append(kept.Sources, s)
	}
	content, err := json.MarshalIndent(kept, "", "\t")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(content, '\n'), 0o644)
}
