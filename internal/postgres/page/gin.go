package page

// GIN (access/ginblock.h): right link, number of items, flags. A tree of keys, for keys of many rows
// a tree of their places each, and a list of what was not sorted in yet.
const (
	ginData       = 1 << 0
	ginLeaf       = 1 << 1
	ginDeleted    = 1 << 2
	ginMeta       = 1 << 3
	ginList       = 1 << 4
	ginCompressed = 1 << 7
	ginTree       = 0xFFFF         // in place of an item number: the block is the root of a tree of places
	ginPacked     = 1 << 31        // in the block number of a key with few rows
	ginPlacesAt   = headerSize + 8 // of a page of places, behind its right bound
)

func ginLinks(p Page, _ uint32, yield func(uint32)) {
	special := p.special()
	flags := p.u16(special + 6)
	switch {
	case flags&ginDeleted != 0:
		return
	case flags&ginMeta != 0:
		yield(p.u32(headerSize))
		yield(p.u32(headerSize + 4))
		return
	}
	yield(p.u32(special))
	switch {
	case flags&ginList != 0:
	case flags&ginData != 0:
		if flags&ginLeaf == 0 {
			for i := range int(p.u16(special + 4)) {
				if at := ginPlacesAt + 10*i; at+10 <= special {
					yield(p.block(at))
				}
			}
		}
	default:
		for entry := range p.items(1) {
			if flags&ginLeaf == 0 || entry.u16(4) == ginTree {
				yield(entry.block(0))
			}
		}
	}
}

func ginPlaces(p Page, yield func(Place)) {
	special := p.special()
	flags := p.u16(special + 6)
	switch {
	case flags&(ginDeleted|ginMeta) != 0 || flags&(ginLeaf|ginList) == 0:
	case flags&ginList != 0:
		for entry := range p.items(1) {
			yield(entry.place(0))
		}
	case flags&ginData == 0:
		for entry := range p.items(1) {
			ginFew(entry, yield)
		}
	case flags&ginCompressed != 0:
		ginUnpack(p[:max(ginPlacesAt, min(int(p.u16(12)), special))], ginPlacesAt, yield)
	default: // of a version before 9.4
		for i := range int(p.u16(special + 4)) {
			if at := ginPlacesAt + 6*i; at+6 <= special {
				yield(p.place(at))
			}
		}
	}
}

// ginFew are the places that stand beside their key.
func ginFew(entry Page, yield func(Place)) {
	count, at := int(entry.u16(4)), entry.block(0)
	if count == ginTree || count == 0 {
		return
	}
	begin := int(at &^ ginPacked)
	if at&ginPacked == 0 {
		for i := range count {
			if begin+6*i+6 <= len(entry) {
				yield(entry.place(begin + 6*i))
			}
		}
		return
	}
	if begin+8 <= len(entry) {
		end := min(len(entry), begin+8+int(entry.u16(begin+6)))
		ginUnpack(entry[:end], begin, yield)
	}
}

// ginUnpack reads compressed lists of places up to the end of p: the first place, the length of the
// rest, and the steps to each next one, seven bits a byte (ginpostinglist.c).
func ginUnpack(p Page, at int, yield func(Place)) {
	const itemBits = 11
	for at+8 <= len(p) {
		first := p.place(at)
		if first.Item == 0 {
			return
		}
		yield(first)
		value := uint64(first.Block)<<itemBits | uint64(first.Item)
		end := min(at+8+int(p.u16(at+6)), len(p))
		step, shift := uint64(0), 0
		for _, b := range p[at+8 : end] {
			step |= uint64(b&0x7F) << shift
			shift += 7
			if b&0x80 == 0 {
				value += step
				yield(Place{uint32(value >> itemBits), uint16(value & (1<<itemBits - 1))})
				step, shift = 0, 0
			}
		}
		at = (end + 1) &^ 1
	}
}
