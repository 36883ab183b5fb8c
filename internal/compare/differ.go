package compare

import (
	"cmp"
	"fmt"
	"slices"
)

// Difference is one thing that is not the same on both sides.
type Difference struct {
	ID
	Name string
	What string // blocks and rows on either side; nothing of what stands in them
}

// String names it. What is about a database as a whole has no Name.
func (d Difference) String() string {
	if d.Name == "" {
		return "database " + d.Database + ": " + d.What
	}
	return d.Name + in(d.Database) + ": " + d.What
}

// Result is what a comparison came to.
type Result struct {
	Differences []Difference
	LeftOut     []LeftOut
	Same        []Part // compared, and the same
	Different   []Part // compared, and not
	Rows, Bytes int64  // of the first side, in what was compared
	Blocks, Of  int64  // that were compared, of all there are
	Relations   int    // that were compared, sequences included
	Missing     int64  // parts that nobody came to within the budget

	pair       Pair
	one, other Side
}

// Pair is what the two sides are: in the sentences, and to the judgement.
type Pair struct {
	One, Other string // "the standby", "the clone"
	// Clones are two servers that were recovered from a repository, and on which nothing changes. What one of them
	// cannot read, or has not, is a difference: nothing else can have come between them.
	Clones bool
}

// WithStandby is a clone that is held against a standby.
var WithStandby = Pair{One: "the standby", Other: "the clone"}

// DifferentRelations is how many relations a difference was found in.
func (r Result) DifferentRelations() int {
	seen := map[ID]bool{}
	for _, d := range r.Differences {
		seen[d.ID] = true
	}
	return len(seen)
}

// Coverage is the share of the blocks that was compared.
func (r Result) Coverage() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Blocks) / float64(r.Of)
}

// Compare compares what a standby and a clone of it say, both as of one position in the WAL.
func Compare(standby, clone Side) Result { return WithStandby.Compare(standby, clone) }

// Compare compares what the two sides of a pair say, both as of one position in the WAL.
func (p Pair) Compare(one, other Side) (r Result) {
	r.pair, r.one, r.other = p, one, other
	left := map[ID]bool{}
	for _, l := range slices.Concat(one.LeftOut, other.LeftOut) {
		if !left[l.ID] {
			left[l.ID] = true
			r.LeftOut = append(r.LeftOut, l)
		}
	}
	r.databases(one, other, left)
	r.relations(one, other, left)
	r.parts(one, other, left)
	r.sequences(one, other, left)
	for name, blocks := range one.Blocks {
		if !slices.Contains(one.Databases, name) {
			r.Of += blocks
		}
	}
	for id, o := range one.Objects {
		if o.Blocks == 0 || left[id] {
			continue
		}
		for _, name := range o.NotCompared() {
			r.LeftOut = append(r.LeftOut, LeftOut{ID: id, Name: o.Name, Why: "column " + name +
				" prints names, within its own type, that are looked up in the catalogs of now"})
		}
	}
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(
			cmp.Compare(b2i(a.Name != ""), b2i(b.Name != "")), // a database as a whole goes first
			cmp.Compare(b2i(a.catalog()), b2i(b.catalog())),   // the catalogs of a missing table differ as well
			cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name), cmp.Compare(a.What, b.What))
	})
	return r
}

func (r *Result) differ(id ID, name, format string, args ...any) {
	r.Differences = append(r.Differences, Difference{id, name, fmt.Sprintf(format, args...)})
}

// relations compares which tables there are, in the databases that both sides were asked about.
func (r *Result) relations(one, other Side, left map[ID]bool) {
	asked := func(s Side, id ID) bool {
		return id.Database == "" && len(s.Databases) > 0 ||
			slices.Contains(s.Databases, id.Database) && !left[ID{Database: id.Database}]
	}
	for id, o := range one.Objects {
		if _, there := other.Objects[id]; !there && asked(other, id) && !left[id] {
			r.differ(id, o.Name, "is missing in %s", r.pair.Other)
		}
	}
	for id, o := range other.Objects {
		if _, there := one.Objects[id]; !there && asked(one, id) && !left[id] {
			r.differ(id, o.Name, "is in %s alone", r.pair.Other)
		}
	}
}

// parts compares the digests.
func (r *Result) parts(one, other Side, left map[ID]bool) {
	seen := map[ID]bool{}
	for part := range one.Ranges() {
		o := one.Objects[part.ID]
		r.Of += part.Blocks(o.Blocks)
		if _, there := other.Objects[part.ID]; !there || left[part.ID] || left[ID{Database: part.Database}] {
			continue
		}
		a, done := one.Digests[part]
		b, both := other.Digests[part]
		if !done || !both {
			r.Missing++
			continue
		}
		switch verdict := r.pair.judge(o, a, b); {
		case verdict == "":
			r.Same = append(r.Same, part)
		case verdict[0] == '?':
			left[part.ID] = true
			r.LeftOut = append(r.LeftOut, LeftOut{ID: part.ID, Name: o.Name, Why: verdict[1:]})
			continue
		default:
			r.Different = append(r.Different, part)
			r.differ(part.ID, o.Name, "%s: %s", part, verdict)
		}
		seen[part.ID] = true
		r.Blocks += part.Blocks(o.Blocks)
		r.Rows += a.Rows
		r.Bytes += a.Bytes
	}
	r.Relations += len(seen)
}

// Ranges are the parts of all objects of a side.
func (s Side) Ranges() map[Part]bool {
	all := map[Part]bool{}
	for _, part := range Parts(s.Objects) {
		all[part] = true
	}
	return all
}

// judge is "" for digests that are the same, what differs, or, after a question mark, why they cannot be compared.
func (p Pair) judge(o Object, one, other Digest) string {
	unread := func(reads Digest, reader, fails, state string) string {
		return fmt.Sprintf("%s has %d rows there, %s cannot read them (SQLSTATE %s)", reader, reads.Rows, fails, state)
	}
	switch {
	case p.Clones && one.Unread != "" && other.Unread != "":
		return fmt.Sprintf("?neither %s nor %s can be read there (SQLSTATE %s)", p.One, p.Other, one.Unread)
	case p.Clones && one.Unread != "":
		return unread(other, p.Other, p.One, one.Unread)
	case one.Unread != "":
		return "?" + p.One + " itself cannot read it (SQLSTATE " + one.Unread + ")"
	case !p.Clones && o.File == 0 && one.File != other.File: // a catalog whose file stands in no row of pg_class
		return "?it was written anew on production since the snapshot"
	case other.Unread != "":
		return unread(one, p.One, p.Other, other.Unread)
	case one.Rows != other.Rows:
		return fmt.Sprintf("%d rows in %s, %d in %s", one.Rows, p.One, other.Rows, p.Other)
	case one.Sums != other.Sums:
		return fmt.Sprintf("%d rows in both, and not the same ones", one.Rows)
	}
	return ""
}

// sequences compares what sequences go on with.
func (r *Result) sequences(one, other Side, left map[ID]bool) {
	for id, a := range one.Sequences {
		b, there := other.Sequences[id]
		switch {
		case left[id], left[ID{Database: id.Database}], !slices.Contains(other.Databases, id.Database):
			continue
		case !there:
			r.differ(id, a.Name, "the sequence is missing in %s", r.pair.Other)
		case a.Unread != "" && b.Unread != "":
			r.LeftOut = append(r.LeftOut, LeftOut{ID: id, Name: a.Name, Why: "neither " + r.pair.One + " nor " +
				r.pair.Other + " can read the sequence (SQLSTATE " + a.Unread + ")"})
			continue
		case a.Unread != "":
			r.differ(id, a.Name, "%s cannot read the sequence (SQLSTATE %s)", r.pair.One, a.Unread)
		case b.Unread != "":
			r.differ(id, a.Name, "%s cannot read the sequence (SQLSTATE %s)", r.pair.Other, b.Unread)
		case !a.same(b):
			r.differ(id, a.Name, "the sequence is at %s in %s, at %s in %s", a.at(), r.pair.One, b.at(), r.pair.Other)
		}
		r.Relations++
	}
	for id, b := range other.Sequences {
		if _, there := one.Sequences[id]; !there && !left[id] && !left[ID{Database: id.Database}] &&
			slices.Contains(one.Databases, id.Database) {
			r.differ(id, b.Name, "the sequence is in %s alone", r.pair.Other)
		}
	}
}

// at says where a sequence is. It is a number that the server hands out, no content of a row.
func (s Sequence) at() string {
	if !s.Called {
		return fmt.Sprintf("%d, not used yet", s.Last)
	}
	return fmt.Sprint(s.Logged())
}
