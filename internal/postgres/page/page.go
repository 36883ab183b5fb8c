// Package page reads pages of PostgreSQL's files as they lie on disk, in as far as it takes to say
// that rows are gone: which places of a table hold rows, which places and pages an index points to.
// The layouts are those of versions 15 to 18 on machines of little endian
// (src/include/storage/bufpage.h, itemid.h; of each access method the header named there).
package page

import (
	"encoding/binary"
	"iter"
)

// Size is the only size of a page that is read here; another one is a build of PostgreSQL's own.
const Size = 8192

const (
	headerSize = 24         // PageHeaderData
	noBlock    = 0xFFFFFFFF // InvalidBlockNumber
)

// Place is where a row begins: a page of a table, and the number of an item on it (a TID).
type Place struct {
	Block uint32
	Item  uint16
}

// Page is one page. What it says about itself is not trusted: every read is within it.
type Page []byte

func (p Page) u16(at int) uint16 {
	if at < 0 || at+2 > len(p) {
		return 0
	}
	return binary.LittleEndian.Uint16(p[at:])
}

func (p Page) u32(at int) uint32 {
	if at < 0 || at+4 > len(p) {
		return 0
	}
	return binary.LittleEndian.Uint32(p[at:])
}

// block reads a block number as a TID holds it, in two halves.
func (p Page) block(at int) uint32 { return uint32(p.u16(at))<<16 | uint32(p.u16(at+2)) }

// place reads a TID.
func (p Page) place(at int) Place { return Place{p.block(at), p.u16(at + 4)} }

// fresh says that nobody has written to the page yet (PageIsNew): it is all zeroes.
func (p Page) fresh() bool { return p.u16(14) == 0 }

// visible says that the page itself knows that every transaction sees all its rows.
func (p Page) visible() bool { return p.u16(10)&4 != 0 }

// itemCount is the number of line pointers, and -1 where the header makes no sense.
func (p Page) itemCount() int {
	lower := int(p.u16(12))
	if lower < headerSize || lower > Size {
		return -1
	}
	return (lower - headerSize) / 4
}

// What a line pointer is (ItemIdData).
const (
	itemUnused = 0
	itemNormal = 1
	itemDead   = 3
)

func (p Page) itemState(n int) int { return int(p.u32(headerSize+4*(n-1))>>15) & 3 }

// items are the items of an index page that are in use, by their numbers, from one on.
func (p Page) items(from int) iter.Seq[Page] {
	return func(yield func(Page) bool) {
		for n := from; n <= p.itemCount(); n++ {
			pointer := p.u32(headerSize + 4*(n-1))
			begin, end := int(pointer&0x7FFF), int(pointer&0x7FFF)+int(pointer>>17)
			if p.itemState(n) != itemNormal || begin < headerSize || end > len(p) || end-begin < 8 {
				continue
			}
			if !yield(p[begin:end]) {
				return
			}
		}
	}
}

// special is where the access method's own part of the page begins.
func (p Page) special() int { return int(p.u16(16)) }

// Readable says whether a page is one of the layout that is read here: of this size, this version and
// this order of bytes.
func Readable(p []byte) bool { return len(p) >= headerSize && Page(p).u16(18) == Size|4 }
