package compare

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unlike are the parts that differ. A sequence, a table that one side has alone, and a database have no ranges: they
// are named by a part that begins at 0.
func (r Result) Unlike() []Part {
	parts := slices.Clone(r.Different)
	known := map[ID]bool{}
	for _, part := range parts {
		known[part.ID] = true
	}
	for _, d := range r.Differences {
		if !known[d.ID] {
			known[d.ID] = true
			parts = append(parts, Part{ID: d.ID})
		}
	}
	return parts
}

// Unrefuted are those of what differed in an earlier comparison, by keys with the moment, that this one did not look
// at: they may differ still. What is not there any more is none of them.
func (r Result) Unrefuted(since map[string]time.Time) (parts []Part) {
	if len(since) == 0 {
		return nil
	}
	looked, left := map[string]bool{}, map[ID]bool{}
	for _, part := range slices.Concat(r.Same, r.Unlike()) {
		looked[part.Key()] = true
	}
	for _, l := range r.LeftOut {
		left[l.ID] = true
	}
	for _, key := range slices.Sorted(maps.Keys(since)) {
		part, ok := parseKey(key)
		if !ok || looked[key] {
			continue
		}
		if o, listed := r.one.Objects[part.ID]; listed { // a table that is shorter now is compared to its end
			of := Parts(map[ID]Object{part.ID: o})
			if !looked[of[min(int(part.First/PartBlocks), len(of)-1)].Key()] {
				parts = append(parts, part)
			}
		} else if !r.settled(part.ID, left) {
			parts = append(parts, part)
		}
	}
	return parts
}

// settled says of a sequence, a table that is not listed, and a database, none of which differs, that it is the same
// or gone.
func (r Result) settled(id ID, left map[ID]bool) bool {
	switch _, there := r.one.Blocks[id.Database]; {
	case left[id], left[ID{Database: id.Database}]:
		return false
	case id.Database == "":
		return len(r.one.Databases) > 0 && len(r.other.Databases) > 0
	case !there:
		return r.one.Blocks != nil // it was dropped
	}
	return slices.Contains(r.one.Databases, id.Database) && slices.Contains(r.other.Databases, id.Database)
}

// Whole says that all there is was compared, but for databases that take no connections.
func (r Result) Whole() bool {
	seen := !slices.ContainsFunc(r.LeftOut, func(l LeftOut) bool {
		_, table := r.one.Objects[l.ID] // whose ranges say it: a single column may be left out as well
		closed := func(c LeftOut) bool { return c.ID == l.ID }
		return !table && !slices.ContainsFunc(r.one.Closed, closed)
	})
	return seen && len(r.Same)+len(r.Different) == len(r.one.Ranges())
}

// parseKey is the part that a key names, but for its end.
func parseKey(key string) (part Part, ok bool) {
	rest, first, _ := cutLast(key)
	database, oid, ok := cutLast(rest)
	number, err := strconv.ParseUint(oid, 10, 32)
	part.First, _ = strconv.ParseInt(first, 10, 64)
	part.ID = ID{Database: database, OID: uint32(number)}
	return part, ok && err == nil && part.First >= 0 && part.Key() == key
}

// cutLast cuts at the last slash: the name of a database may have some.
func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// NameOf says what an object, a sequence or a database of a side is.
func (s Side) NameOf(id ID) string {
	switch name := s.Objects[id].Name + s.Sequences[id].Name; {
	case id.OID == 0:
		return "database " + id.Database
	case name == "":
		return "OID " + strconv.FormatUint(uint64(id.OID), 10) + in(id.Database)
	default:
		return name + in(id.Database)
	}
}
