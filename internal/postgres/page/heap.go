package page

import "fmt"

// Heap is what there is of a table: for each page the number of its items, and which are not in use.
type Heap struct {
	counts []int16         // items of each page; unread where its header makes no sense
	fresh  map[uint32]bool // pages of zeroes
	bits   map[uint32]int  // of pages with items that hold no row: where in states theirs begin
	states []uint64        // of each item whether it is in use; then of each whether it holds a row
	before []uint64        // items of all pages before each
	items  uint64          // of all pages
	marked []uint64        // a bit for each page that says itself that all see its rows
}

const unread = -1

// Blocks is the number of pages.
func (h *Heap) Blocks() uint32 { return uint32(len(h.counts)) }

// Add takes the next pages, one behind the other: of each its header and line pointers, which is as much as it
// says that they take, and at least the header.
func (h *Heap) Add(heads []byte) error {
	for len(heads) > 0 {
		if len(heads) < headerSize {
			return fmt.Errorf("the head of page %d has %d bytes", h.Blocks(), len(heads))
		}
		end := max(headerSize, min(int(Page(heads).u16(12)), Size))
		if end > len(heads) {
			return fmt.Errorf("the head of page %d has %d bytes of %d", h.Blocks(), len(heads), end)
		}
		h.addHead(Page(heads[:end]))
		heads = heads[end:]
	}
	return nil
}

func (h *Heap) addHead(p Page) {
	block := h.Blocks()
	if block%64 == 0 {
		h.marked = append(h.marked, 0)
	}
	if p.visible() {
		h.marked[block/64] |= 1 << (block % 64)
	}
	n := p.itemCount()
	h.counts = append(h.counts, int16(n))
	h.before = append(h.before, h.items)
	if p.fresh() {
		if h.fresh == nil {
			h.fresh = map[uint32]bool{}
		}
		h.fresh[block], h.counts[block] = true, 0
		return
	}
	h.items += uint64(max(n, 0))
	for i := 1; i <= n; i++ {
		if state := p.itemState(i); state == itemUnused || state == itemDead {
			h.noteStates(block, p, n)
			return
		}
	}
}

// noteStates remembers the items of a page of which some hold no row.
func (h *Heap) noteStates(block uint32, p Page, n int) {
	if h.bits == nil {
		h.bits = map[uint32]int{}
	}
	begin, words := len(h.states), n/64+1
	h.bits[block] = begin
	h.states = append(h.states, make([]uint64, 2*words)...)
	for i := 1; i <= n; i++ {
		switch p.itemState(i) {
		case itemUnused:
		case itemDead:
			h.states[begin+i/64] |= 1 << (i % 64)
		default:
			h.states[begin+i/64] |= 1 << (i % 64)
			h.states[begin+words+i/64] |= 1 << (i % 64)
		}
	}
}

// Loss says how a place is gone.
type Loss int

// Ways for a place to be gone: the table ends before it; its page is all zeroes; its page holds no
// such row.
const (
	Kept Loss = iota
	BeyondTheEnd
	OnFreshPage
	NotOnItsPage
)

// Lost says whether an index that points to a place points to nothing. An entry is written after
// its row and removed before the row's place is free again: also what crashed in between, and dead rows,
// leave a place that is taken.
func (h *Heap) Lost(at Place) Loss {
	switch {
	case at.Block >= h.Blocks():
		return BeyondTheEnd
	case h.counts[at.Block] == unread: // damage that others find
		return Kept
	case h.fresh[at.Block]:
		return OnFreshPage
	case at.Item == 0 || int(at.Item) > int(h.counts[at.Block]):
		return NotOnItsPage
	}
	if begin, some := h.bits[at.Block]; some && h.states[begin+int(at.Item)/64]&(1<<(at.Item%64)) == 0 {
		return NotOnItsPage
	}
	return Kept
}

// holdsRow says of a place that is kept whether there is a row, be it an old one.
func (h *Heap) holdsRow(at Place) bool {
	begin, some := h.bits[at.Block]
	words := int(h.counts[at.Block])/64 + 1
	return !some || h.states[begin+words+int(at.Item)/64]&(1<<(at.Item%64)) != 0
}

// Known are the rows of a table that an index knows, each counted once.
type Known struct {
	Rows int64
	heap *Heap
	seen []uint64
}

// Known begins to count.
func (h *Heap) Known() *Known { return &Known{heap: h, seen: make([]uint64, h.items/64+1)} }

// Add counts the row at a place that is kept.
func (k *Known) Add(at Place) {
	if k.heap.counts[at.Block] == unread || !k.heap.holdsRow(at) {
		return
	}
	n := k.heap.before[at.Block] + uint64(at.Item) - 1
	if bit := uint64(1) << (n % 64); k.seen[n/64]&bit == 0 {
		k.seen[n/64] |= bit
		k.Rows++
	}
}

// blocksOfMap is how many pages of a table one page of its visibility map is about: two bits each
// (access/visibilitymap.h).
const blocksOfMap = (Size - headerSize) * 4

// Invisible compares the visibility map with the table. gone are pages that the map knows to be seen by
// all and that are not there, or all zeroes: VACUUM sets the bit of a page that was written, and whatever
// makes a table shorter clears the bits behind its end in the same WAL record. unmarked is the number of those
// that do not know it themselves, as they should.
func (h *Heap) Invisible(visibilityMap []byte) (gone []Place, unmarked int) {
	for first := 0; first+Size <= len(visibilityMap); first += Size {
		for i, four := range visibilityMap[first+headerSize : first+Size] {
			for k := 0; four != 0; k, four = k+1, four>>2 {
				if four&1 == 0 {
					continue
				}
				block := uint32(first/Size*blocksOfMap + 4*i + k)
				switch {
				case block >= h.Blocks() || h.fresh[block]:
					gone = append(gone, Place{Block: block})
				case h.marked[block/64]&(1<<(block%64)) == 0:
					unmarked++
				}
			}
		}
	}
	return gone, unmarked
}
