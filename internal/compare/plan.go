package compare

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// PartBlocks is the size of a part: 16 MB with the usual block size. It is what a difference is narrowed down to, and
// what is done within a second or two.
const PartBlocks = 2048

// BlockSize is that of a block, as nearly every server has it; what is counted by it bounds nothing but speed.
const BlockSize = 8192

// Parts are the ranges of blocks that objects are digested by. The last one of a table has no end: the table may have
// grown on one of the sides.
func Parts(objects map[ID]Object) (parts []Part) {
	for id, o := range objects {
		for first := int64(0); first == 0 || first < o.Blocks; first += PartBlocks {
			end := first + PartBlocks
			if end >= o.Blocks {
				end = 0
			}
			parts = append(parts, Part{id, first, end})
		}
	}
	return parts
}

// Askable are the parts of a side that is to be asked, without what is left out already.
func (s Side) Askable() []Part {
	objects := maps.Clone(s.Objects)
	for _, l := range s.LeftOut {
		delete(objects, l.ID)
	}
	return Parts(objects)
}

// AlsoIn are the parts that the side was asked for, of what can be asked of the other one as well.
func (s Side) AlsoIn(other Side) (parts []Part) {
	left := map[ID]bool{}
	for _, l := range other.LeftOut {
		left[l.ID] = true
	}
	for part := range s.Digests {
		if _, there := other.Objects[part.ID]; there && !left[part.ID] {
			parts = append(parts, part)
		}
	}
	return parts
}

// Order puts the parts into the order they are digested in, when a budget may cut the last ones: those that were
// compared longest ago first, and those that never were before them. last is by Key. Among equals, catalogs come
// first, since they change most, then by database and table.
func Order(parts []Part, last map[string]time.Time) {
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(
			last[a.Key()].Compare(last[b.Key()]),
			cmp.Compare(b2i(!a.catalog()), b2i(!b.catalog())),
			cmp.Compare(a.Database, b.Database), cmp.Compare(a.OID, b.OID), cmp.Compare(a.First, b.First),
		)
	})
}

// firstNormal is the first OID that initdb does not give (access/transam.h, FirstNormalObjectId).
const firstNormal = 16384

func (id ID) catalog() bool { return id.OID < firstNormal }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Key names a part in the memory of what was compared when.
func (p Part) Key() string {
	return p.Database + "/" + strconv.FormatUint(uint64(p.OID), 10) + "/" + strconv.FormatInt(p.First, 10)
}

// Blocks is how many blocks of a table of so many a part has.
func (p Part) Blocks(of int64) int64 {
	if p.End == 0 {
		return max(of-p.First, 0)
	}
	return p.End - p.First
}
