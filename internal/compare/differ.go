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

// String names it.
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
	Rows, Bytes int64  // of the standby, in what was compared
	Blocks, Of  int64  // that were compared, of all there are
	Relations   int    // that were compared, sequences included
	Missing     int64  // parts that nobody came to within the budget
}

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
func Compare(standby, clone Side) (r Result) {
	left := map[ID]bool{}
	r.LeftOut = slices.Concat(standby.LeftOut, clone.LeftOut)
	for _, l := range r.LeftOut {
		left[l.ID] = true
	}
	r.databases(standby, clone, left)
	r.relations(standby, clone, left)
	r.parts(standby, clone, left)
	r.sequences(standby, clone, left)
	for id, o := range standby.Objects {
		if o.Blocks == 0 || left[id] {
			continue
		}
		for _, name := range o.NotCompared() {
			r.LeftOut = append(r.LeftOut, LeftOut{
				id, o.Name,
				"column " + name + " prints names, within its own type, that are looked up in the catalogs of now",
			})
		}
	}
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(
			cmp.Compare(b2i(a.catalog()), b2i(b.catalog())), // the catalogs of a missing table differ as well
			cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name), cmp.Compare(a.What, b.What))
	})
	return r
}

func (r *Result) differ(id ID, name, format string, args ...any) {
	r.Differences = append(r.Differences, Difference{id, name, fmt.Sprintf(format, args...)})
}

// databases compares which databases could be asked. That one is there at all, a row of pg_database says.
func (r *Result) databases(standby, clone Side, left map[ID]bool) {
	leave := func(database, why string) {
		if id := (ID{Database: database}); !left[id] {
			left[id] = true
			r.LeftOut = append(r.LeftOut, LeftOut{ID: id, Why: why})
		}
	}
	for _, database := range standby.Databases {
		broken, is := clone.Broken[database]
		switch {
		case is && !left[ID{Database: database}]:
			r.differ(ID{Database: database}, "", "the clone cannot read what is in it (SQLSTATE %s)", broken)
		case !slices.Contains(clone.Databases, database):
			leave(database, "the clone takes no connections to it")
		}
	}
	for _, database := range clone.Databases {
		if !slices.Contains(standby.Databases, database) {
			leave(database, "it was made, or opened to connections, while the standby was being frozen")
		}
	}
}

// relations compares which tables there are, in the databases that both sides were asked about.
func (r *Result) relations(standby, clone Side, left map[ID]bool) {
	asked := func(s Side, id ID) bool {
		return id.Database == "" || slices.Contains(s.Databases, id.Database) && !left[ID{Database: id.Database}]
	}
	for id, o := range standby.Objects {
		if _, there := clone.Objects[id]; !there && asked(clone, id) && !left[id] {
			r.differ(id, o.Name, "is missing in the clone")
		}
	}
	for id, o := range clone.Objects {
		if _, there := standby.Objects[id]; !there && asked(standby, id) && !left[id] {
			r.differ(id, o.Name, "is in the clone alone")
		}
	}
}

// parts compares the digests.
func (r *Result) parts(standby, clone Side, left map[ID]bool) {
	seen := map[ID]bool{}
	for part := range standby.Ranges() {
		o := standby.Objects[part.ID]
		r.Of += part.Blocks(o.Blocks)
		if _, there := clone.Objects[part.ID]; !there || left[part.ID] || left[ID{Database: part.Database}] {
			continue
		}
		a, done := standby.Digests[part]
		b, both := clone.Digests[part]
		if !done || !both {
			r.Missing++
			continue
		}
		switch verdict := judge(o, a, b); {
		case verdict == "":
			r.Same = append(r.Same, part)
		case verdict[0] == '?':
			left[part.ID] = true
			r.LeftOut = append(r.LeftOut, LeftOut{part.ID, o.Name, verdict[1:]})
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
func judge(o Object, standby, clone Digest) string {
	switch {
	case standby.Unread != "":
		return "?the standby itself cannot read it (SQLSTATE " + standby.Unread + ")"
	case o.File == 0 && standby.File != clone.File: // a catalog whose file stands in no row of pg_class
		return "?it was written anew on production since the snapshot"
	case clone.Unread != "":
		return fmt.Sprintf("the standby has %d rows there, the clone cannot read them (SQLSTATE %s)", standby.Rows,
			clone.Unread)
	case standby.Rows != clone.Rows:
		return fmt.Sprintf("%d rows in the standby, %d in the clone", standby.Rows, clone.Rows)
	case standby.Sums != clone.Sums:
		return fmt.Sprintf("%d rows in both, and not the same ones", standby.Rows)
	}
	return ""
}

// sequences compares what sequences go on with.
func (r *Result) sequences(standby, clone Side, left map[ID]bool) {
	for id, a := range standby.Sequences {
		b, there := clone.Sequences[id]
		switch {
		case left[id], left[ID{Database: id.Database}], !slices.Contains(clone.Databases, id.Database):
			continue
		case !there:
			r.differ(id, a.Name, "the sequence is missing in the clone")
		case b.Unread != "":
			r.differ(id, a.Name, "the clone cannot read the sequence (SQLSTATE %s)", b.Unread)
		case a.Logged() != b.Logged() || a.Called != b.Called:
			r.differ(id, a.Name, "the sequence is at %s in the standby, at %s in the clone", a.at(), b.at())
		}
		r.Relations++
	}
	for id, b := range clone.Sequences {
		if _, there := standby.Sequences[id]; !there && !left[id] && !left[ID{Database: id.Database}] &&
			slices.Contains(standby.Databases, id.Database) {
			r.differ(id, b.Name, "the sequence is in the clone alone")
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
