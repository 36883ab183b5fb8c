package integrity

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/state"
)

// section is that of the file of -state.
const section = "verified"

// Known is what earlier runs remember of a unit.
type Known struct {
	Seen  time.Time `json:"seen"`          // when it was first listed
	Read  time.Time `json:"read,omitzero"` // when all of it was read last
	Bytes int64     `json:"bytes"`         // how much that was: a directory of WAL grows
	Bad   []string  `json:"bad,omitempty"` // what was wrong with it then
}

// Memory is what is remembered of a repository, by the keys of units.
type Memory map[string]Known

// maxBad bounds what is remembered of one unit; the rest is found when that is mended.
const maxBad = 20

// Recall reads what is remembered of a repository. One that was never read has an empty memory. A file that cannot be
// read is an error: it may hold what is known to be damaged, and beginning anew would call that sound.
func Recall(path, repository string) (Memory, error) {
	if _, err := os.Lstat(path + state.Aside); err == nil {
		return nil, fmt.Errorf("%s could not be read, and was set aside by a later run", path+state.Aside)
	}
	all := map[string]Memory{}
	if err := state.Read(path, section, &all); err != nil {
		return nil, err
	}
	return all[repository], nil
}

// Remember writes what is known of a repository, in the place of what was known.
func Remember(path, repository string, m Memory) error {
	all := map[string]Memory{}
	return state.Update(path, section, &all, func() {
		if all == nil {
			all = map[string]Memory{}
		}
		all[repository] = m
	})
}

// With is the memory of the units that there are now: new ones were seen now, and those that are gone are forgotten,
// the damaged among them returned. Those of sets that could not be listed stay. A time to come is not believed: it
// would keep its unit from being read.
func (m Memory) With(units []Unit, unlisted []string, now time.Time) (with Memory, gone []string) {
	with = Memory{}
	for _, u := range units {
		known := m[u.Key]
		if known.Read.After(now) {
			known.Read = time.Time{}
		}
		if known.Seen.IsZero() || known.Seen.After(now) {
			known.Seen = now.UTC().Truncate(time.Second)
		}
		with[u.Key] = known
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		_, there := with[key]
		switch set, _, _ := strings.Cut(key, "/"); {
		case there:
		case slices.Contains(unlisted, set):
			with[key] = m[key]
		default:
			gone = append(gone, m[key].Bad...)
		}
	}
	return with, gone
}

// Note remembers that a unit was read, and what was found.
func (m Memory) Note(u Unit, wrong []string, now time.Time) {
	known := m[u.Key]
	known.Read, known.Bytes, known.Bad = now.UTC().Truncate(time.Second), u.Bytes, wrong[:min(len(wrong), maxBad)]
	m[u.Key] = known
}

// Bad is everything that is known to be wrong, by the key of its unit.
func (m Memory) Bad() map[string][]string {
	bad := map[string][]string{}
	for key, known := range m {
		if len(known.Bad) > 0 {
			bad[key] = known.Bad
		}
	}
	return bad
}

// since is when a unit was read last, else when it was first seen.
func (k Known) since() time.Time {
	if k.Read.IsZero() {
		return k.Seen
	}
	return k.Read
}
