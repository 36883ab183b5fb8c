package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// B-trees (access/nbtree.h). Their links are amcheck's concern.
const (
	btreeLeaf    = 1 << 0
	btreeDeleted = 1 << 2
	btreeMeta    = 1 << 3
	btreeHalf    = 1 << 4
	tupleSize    = 0x1FFF // INDEX_SIZE_MASK of t_info
	tupleNulls   = 0x8000
	altered      = 0x2000 // INDEX_ALT_TID_MASK: of a leaf's, a posting list
)

// btreeEntries are the tuples of a leaf that stand for rows; none of other pages.
func btreeEntries(p Page) func(yield func(Page) bool) {
	flags := p.u16(p.special() + 12)
	if flags&btreeLeaf == 0 || flags&(btreeDeleted|btreeMeta|btreeHalf) != 0 {
		return func(func(Page) bool) {}
	}
	first := 2 // behind the high key
	if p.u32(p.special()+4) == 0 {
		first = 1
	}
	return p.items(first)
}

// postings are the places of one entry: its own, or those of its posting list.
func postings(entry Page, yield func(Place)) (count int, key Page) {
	info := entry.u16(6)
	if info&altered == 0 {
		yield(entry.place(0))
		return 1, entry[8:]
	}
	count, begin := int(entry.u16(4)&0x0FFF), int(entry.block(0))
	for i := range count {
		if begin+6*i+6 <= len(entry) {
			yield(entry.place(begin + 6*i))
		}
	}
	return count, entry[8:max(8, min(begin, len(entry)))]
}

func btreePlaces(p Page, yield func(Place)) {
	for entry := range btreeEntries(p) {
		postings(entry, yield)
	}
}

// Keys looks for two entries of one key, by their bytes, in a B-tree whose pages it is given in
// the order of the file. Old versions of a row have entries of their own: two of one key are not yet two rows.
type Keys struct {
	NullsDiffer bool // keys with a NULL are never the same
	Twice       int  // entries whose key stands before them already
	Exact       bool // different bytes are different keys (allequalimage)

	block       uint32
	first, last map[uint32]uint64 // of leaves: their keys at both ends
	next        map[uint32]uint32 // of leaves: the one to the right
}

// Add takes the next page.
func (k *Keys) Add(p Page) {
	block := k.block
	k.block++
	if block == 0 {
		k.next = map[uint32]uint32{}
		k.first, k.last = map[uint32]uint64{}, map[uint32]uint64{}
		k.Exact = p.u32(headerSize+4) >= 4 && len(p) > headerSize+40 && p[headerSize+40] != 0
		return
	}
	if p.fresh() {
		return
	}
	var before, first Page
	for entry := range btreeEntries(p) {
		count, key := postings(entry, func(Place) {})
		if k.NullsDiffer && entry.u16(6)&tupleNulls != 0 {
			before = nil
			continue
		}
		if count > 1 || before != nil && bytes.Equal(before, key) {
			k.Twice++
		}
		before = key
		if first == nil {
			first = key
		}
	}
	if before == nil {
		return
	}
	k.first[block], k.last[block] = digest(first), digest(before)
	k.next[block] = p.u32(p.special() + 4)
}

// digest is a key in 8 bytes. Two keys that share one would only be looked at more closely.
func digest(key []byte) uint64 {
	sum := sha256.Sum256(key)
	return binary.LittleEndian.Uint64(sum[:])
}

// Doubtful says, when all pages were added, whether a key may stand in the index twice: it does, by its
// bytes, or equal keys may have different ones.
func (k *Keys) Doubtful() bool {
	k.end()
	return !k.Exact || k.Twice > 0
}

// end counts the keys that stand on both sides of a border between pages.
func (k *Keys) end() {
	for block, last := range k.last {
		if first, ok := k.first[k.next[block]]; ok && first == last {
			k.Twice++
		}
	}
}
