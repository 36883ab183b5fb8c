package compile

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// Last is what it took the last time that about as much was compiled.
type Last struct {
	Packages int     `json:"packages"` // that were compiled
	Seconds  float64 `json:"seconds"`
}

// Took is the same as a duration; 0 when nothing is known.
func (l Last) Took() time.Duration { return time.Duration(l.Seconds * float64(time.Second)) }

// remembered is a file in the user's own cache: nothing is written into the checkout.
func remembered() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "veza-drill", "compiled.json"), err
}

// Before is what a job took last time; zero when nobody knows.
func (j Job) Before() Last { return read()[j.what()] }

// what is the name that a job is remembered by.
func (j Job) what() string { return fmt.Sprint(j.Packages) }

func read() map[string]Last {
	known := map[string]Last{}
	path, err := remembered()
	if err != nil {
		return known
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &known) != nil {
		return map[string]Last{}
	}
	return known
}

// Remember keeps what a job took, for the next time, unless it was much less than what is known of: a
// package that was changed says nothing of a first time. Where that cannot be written, nothing is lost
// but a number: the error is for whoever wants it.
func (j Job) Remember(p Progress) error {
	path, err := remembered()
	if err != nil {
		return err
	}
	known, what := read(), j.what()
	if 2*p.Done < known[what].Packages {
		return nil
	}
	known[what] = Last{Packages: p.Done, Seconds: p.Took.Seconds()}
	text, err := json.Marshal(known)
	return errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), renameio.WriteFile(path, text, 0o644))
}
