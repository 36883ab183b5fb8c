package page

import "fmt"

// method is what is known of an index's pages.
type method struct {
	special int      // bytes of its own at the end of each page
	roots   []uint32 // pages that every one has, in use
	// links are the pages that one points to: each must be there and in use.
	links func(p Page, block uint32, yield func(uint32))
	// places are the rows that one points to.
	places func(p Page, yield func(Place))
}

// methods are those whose pages are understood.
var methods = map[string]method{
	"btree":  {16, []uint32{0}, nil, btreePlaces},
	"hash":   {16, []uint32{0}, hashLinks, hashPlaces},
	"gist":   {16, []uint32{0}, gistLinks, gistPlaces},
	"gin":    {8, []uint32{0, 1}, ginLinks, ginPlaces},
	"spgist": {8, []uint32{0, 1, 2}, spgistLinks, spgistPlaces},
	"brin":   {8, []uint32{0}, brinLinks, nil},
}

// Index reads an index page by page, in the order of its file. A page of zeroes is ordinary, since a crash
// leaves it behind where the file had grown: it is damage where another page points to it.
type Index struct {
	method  method
	blocks  uint32
	fresh   map[uint32]bool
	wanted  []uint32 // of each page one more than the page that points to it; 0: none does
	beyond  uint32   // the first page that is wanted and that the file ends before
	asker   uint32   // the page that wants it
	strange string   // a page that is none of this method's
}

// NewIndex begins to read an index of so many pages; false when its access method is not known here.
func NewIndex(name string, blocks uint32) (*Index, bool) {
	m, known := methods[name]
	x := &Index{method: m, fresh: map[uint32]bool{}, wanted: make([]uint32, blocks), beyond: noBlock}
	for _, root := range m.roots {
		x.want(root, root)
	}
	return x, known
}

func (x *Index) want(to, from uint32) {
	switch {
	case to == noBlock:
	case int64(to) < int64(len(x.wanted)):
		x.wanted[to] = from + 1
	case to < x.beyond:
		x.beyond, x.asker = to, from
	}
}

// Add takes the next page, and yields the places of the table that it points to.
func (x *Index) Add(p Page, yield func(Place)) {
	block := x.blocks
	x.blocks++
	switch {
	case p.fresh():
		x.fresh[block] = true
		return
	case p.special() != Size-x.method.special:
		if x.strange == "" {
			x.strange = fmt.Sprintf("its page %d is none of an index of its kind", block)
		}
		return
	}
	if x.method.links != nil {
		x.method.links(p, block, func(to uint32) { x.want(to, block) })
	}
	if x.method.places != nil {
		x.method.places(p, yield)
	}
}

// Fault says which page is missing that another one needs, or "": the one with the least number.
func (x *Index) Fault() string {
	for to, asker := range x.wanted {
		to := uint32(to)
		switch {
		case asker == 0:
		case to >= x.blocks: // it was longer when its size was asked
			return x.cut(to, asker-1)
		case x.fresh[to] && asker-1 == to:
			return fmt.Sprintf("its page %d, with which it begins, is full of zeroes", to)
		case x.fresh[to]:
			return fmt.Sprintf("its page %d needs page %d, which is full of zeroes", asker-1, to)
		}
	}
	if x.beyond != noBlock {
		return x.cut(x.beyond, x.asker)
	}
	return x.strange
}

func (x *Index) cut(to, from uint32) string {
	return fmt.Sprintf("its page %d needs page %d, and the file ends after %d pages", from, to, x.blocks)
}
