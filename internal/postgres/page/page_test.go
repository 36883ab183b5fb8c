package page

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// made is a page with a special part and items, each with its state, laid out as PostgreSQL does.
func made(special []byte, items ...item) Page {
	p := make(Page, Size)
	end := Size - len(special)
	copy(p[end:], special)
	binary.LittleEndian.PutUint16(p[16:], uint16(end))
	binary.LittleEndian.PutUint16(p[18:], Size|4)
	for n, i := range items {
		end -= (len(i.bytes) + 7) &^ 7
		copy(p[end:], i.bytes)
		at := end
		if i.state == itemUnused || i.state == itemDead && len(i.bytes) == 0 {
			at = 0
		}
		binary.LittleEndian.PutUint32(p[headerSize+4*n:], uint32(at)|uint32(i.state)<<15|uint32(len(i.bytes))<<17)
	}
	binary.LittleEndian.PutUint16(p[12:], uint16(headerSize+4*len(items)))
	binary.LittleEndian.PutUint16(p[14:], uint16(end))
	return p
}

type item struct {
	state int
	bytes []byte
}

func row() item    { return item{itemNormal, make([]byte, 32)} }
func unused() item { return item{itemUnused, nil} }
func dead() item   { return item{itemDead, nil} }

// tid is a TID as it lies on disk.
func tid(block uint32, n uint16) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(
		binary.LittleEndian.AppendUint16(nil, uint16(block>>16)), uint16(block)), n)
}

// entry is an index tuple that points to a row or page, with a key.
func entry(block uint32, n, info uint16, key ...byte) item {
	return item{itemNormal, append(binary.LittleEndian.AppendUint16(tid(block, n), info), key...)}
}

func u16s(numbers ...uint16) (b []byte) {
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint16(b, n)
	}
	return b
}

func u32s(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

// head is what Heap sees of a page.
func head(p Page) []byte { return p[:max(headerSize, int(p.u16(12)))] }

func TestHeap_KnowsWhatIsGone(t *testing.T) {
	visible := made(nil, row(), row())
	binary.LittleEndian.PutUint16(visible[10:], 4)
	garbled := made(nil, row())
	binary.LittleEndian.PutUint16(garbled[12:], 3)
	var h Heap
	var heads []byte
	for _, p := range []Page{visible, make(Page, Size), made(nil, row(), unused(), dead(), row()), garbled, made(nil)} {
		heads = append(heads, head(p)...)
	}
	require.NoError(t, h.Add(heads))
	require.EqualValues(t, 5, h.Blocks())
	for at, want := range map[Place]Loss{
		{0, 1}: Kept, {0, 2}: Kept, {0, 3}: NotOnItsPage, {0, 0}: NotOnItsPage,
		{1, 1}: OnFreshPage,
		{2, 1}: Kept, {2, 2}: NotOnItsPage, {2, 3}: Kept, {2, 4}: Kept, {2, 5}: NotOnItsPage,
		{3, 9}: Kept, // others find garbled pages
		{4, 1}: NotOnItsPage, {5, 1}: BeyondTheEnd, {noBlock, 1}: BeyondTheEnd,
	} {
		assert.Equal(t, want, h.Lost(at), "%v", at)
	}
	known := h.Known()
	for _, at := range []Place{{0, 1}, {0, 1}, {2, 1}, {2, 3}, {2, 4}, {3, 1}} {
		known.Add(at)
	}
	assert.EqualValues(t, 3, known.Rows, "each once, and none that is dead")

	visibility := make([]byte, 2*Size)
	visibility[headerSize] = 0b01_00_01_01 // pages 0, 1 and 3
	visibility[headerSize+1] = 0b00_10_01_00
	visibility[Size+headerSize] = 1
	gone, unmarked := h.Invisible(visibility)
	assert.Equal(t, []Place{{Block: 1}, {Block: 5}, {Block: blocksOfMap}}, gone)
	assert.Equal(t, 1, unmarked, "page 3")
	require.Error(t, new(Heap).Add(heads[:30]), "half a head")
	require.Error(t, new(Heap).Add(heads[:3]))
}

// placesOf are the rows that a page of an index points to.
func placesOf(name string, p Page) (list []Place) {
	x, _ := NewIndex(name, 1)
	x.Add(p, func(at Place) { list = append(list, at) })
	return list
}

func TestBtree_PlacesAndKeys(t *testing.T) {
	leaf := func(right uint32, flags uint16, items ...item) Page {
		return made(append(u32s(0, right, 0), u16s(flags, 0)...), items...)
	}
	twice := item{itemNormal, append(append(u16s(0, 16, 0x2000|2, altered), make([]byte, 8)...),
		append(tid(7, 1), tid(7, 2)...)...)}
	killed := entry(9, 9, 8, 1)
	killed.state = itemDead
	p := leaf(4, btreeLeaf, entry(1, 1, 16, 'h'), entry(2, 1, 16, 'a'), twice, killed, entry(3, 5, 16, 'b'))
	assert.Equal(t, []Place{{2, 1}, {7, 1}, {7, 2}, {3, 5}}, placesOf("btree", p), "without the high key")
	assert.Equal(t, []Place{{1, 1}}, placesOf("btree", leaf(0, btreeLeaf, entry(1, 1, 16, 'h'))), "the last has none")
	assert.Empty(t, placesOf("btree", leaf(0, 0, entry(1, 1, 16))), "an inner page")
	assert.Empty(t, placesOf("btree", leaf(0, btreeLeaf|btreeDeleted, entry(1, 1, 16))))

	meta := leaf(0, btreeMeta)
	copy(meta[headerSize:], u32s(0x053162, 4))
	meta[headerSize+40] = 1
	keys := func(nullsDiffer bool, pages ...Page) Keys {
		k := Keys{NullsDiffer: nullsDiffer}
		for _, p := range append([]Page{meta}, pages...) {
			k.Add(p)
		}
		k.end()
		return k
	}
	assert.Equal(t, 1, keys(false, p).Twice, "a list is one key of several")
	a, b := entry(1, 1, 16, 'a'), entry(1, 2, 16, 'b')
	assert.Zero(t, keys(false, leaf(0, btreeLeaf, a, b)).Twice)
	assert.Equal(t, 1, keys(false, leaf(0, btreeLeaf, a, entry(3, 1, 16, 'a'), b)).Twice)
	assert.Equal(t, 1, keys(false, leaf(2, btreeLeaf, b, a), leaf(0, btreeLeaf, a, b)).Twice, "on two pages")
	assert.True(t, keys(false).Exact)
	exact := keys(false, leaf(0, btreeLeaf, a, b))
	assert.False(t, exact.Doubtful())
	meta[headerSize+40] = 0
	inexact := keys(false, leaf(0, btreeLeaf, a, b))
	assert.True(t, inexact.Doubtful(), "1.0 and 1.00")
	null := entry(1, 1, tupleNulls|16, 0, 0)
	assert.Zero(t, keys(true, leaf(0, btreeLeaf, null, null)).Twice)
	assert.Equal(t, 1, keys(false, leaf(0, btreeLeaf, null, null)).Twice)
}

// ginSpecial is a GIN page's own part.
func ginSpecial(right uint32, count, flags uint16) []byte {
	return append(u32s(right), u16s(count, flags)...)
}

func TestGIN_PlacesAndLinks(t *testing.T) {
	// 3 rows: (1,1), (1,3) by a step of 2, and (2,3) by a step of 2048.
	packed := append(append(tid(1, 1), u16s(3)...), 2, 0x80, 0x10, 0)
	few := item{itemNormal, append(append(u16s(0x8000, 8, 3, 8+12), packed...), 0)}
	want := []Place{{1, 1}, {1, 3}, {2, 3}}
	leaf := made(ginSpecial(noBlock, 0, ginLeaf), few, entry(30, ginTree, 8))
	assert.Equal(t, want, placesOf("gin", leaf))
	data := made(ginSpecial(noBlock, 0, ginData|ginLeaf|ginCompressed))
	copy(data[ginPlacesAt:], packed)
	binary.LittleEndian.PutUint16(data[12:], uint16(ginPlacesAt+len(packed)))
	assert.Equal(t, want, placesOf("gin", data))
	pending := made(ginSpecial(noBlock, 0, ginList), entry(4, 4, 8))
	assert.Equal(t, []Place{{4, 4}}, placesOf("gin", pending))

	inner := made(ginSpecial(noBlock, 1, ginData))
	copy(inner[ginPlacesAt:], tid(31, 0))
	var links []uint32
	entries, gone := made(ginSpecial(8, 0, 0), entry(32, 0, 8)), made(ginSpecial(9, 0, ginDeleted))
	for _, p := range []Page{leaf, inner, entries, gone} {
		ginLinks(p, 1, func(to uint32) { links = append(links, to) })
	}
	assert.Equal(t, []uint32{noBlock, 30, noBlock, 31, 8, 32}, links)
}

func TestIndex_Fault(t *testing.T) {
	gist := func(flags uint16, items ...item) Page {
		return made(append(u32s(0, 0, noBlock), u16s(flags, 0xFF81)...), items...)
	}
	root, leaf, fresh := gist(0, entry(1, 1, 8), entry(2, 1, 8)), gist(gistLeaf, entry(5, 6, 8)), make(Page, Size)
	for name, c := range map[string]struct {
		pages []Page
		want  string
	}{
		"whole":                {[]Page{root, leaf, leaf}, ""},
		"extended by a crash":  {[]Page{root, leaf, leaf, fresh, fresh}, ""},
		"zeroes where one is":  {[]Page{root, leaf, fresh}, "its page 0 needs page 2, which is full of zeroes"},
		"cut":                  {[]Page{root, leaf}, "its page 0 needs page 2, and the file ends after 2 pages"},
		"its root":             {[]Page{fresh, leaf, leaf}, "its page 0, with which it begins, is full of zeroes"},
		"empty":                {nil, "its page 0 needs page 0, and the file ends after 0 pages"},
		"of another kind":      {[]Page{root, leaf, made(nil)}, "its page 2 is none of an index of its kind"},
		"deleted, and pointed": {[]Page{root, leaf, gist(gistDeleted, entry(99, 1, 8))}, ""},
	} {
		x, known := NewIndex("gist", uint32(len(c.pages)))
		require.True(t, known)
		for _, p := range c.pages {
			x.Add(p, func(Place) {})
		}
		assert.Equal(t, c.want, x.Fault(), name)
	}
	_, known := NewIndex("bloom", 1)
	assert.False(t, known)
}

// Buckets are where PostgreSQL puts them (hashutil.c), and only those in use must be there.
func TestHash_Buckets(t *testing.T) {
	for buckets, phase := range map[uint32]int{
		1: 0, 2: 1, 3: 2, 4: 2, 512: 9, 513: 10, 640: 10, 641: 11, 1024: 13, 1025: 14,
	} {
		assert.Equal(t, phase, hashPhase(buckets), buckets)
	}
	meta := made(append(u32s(noBlock, noBlock, 0), u16s(hashMeta, 0xFF80)...))
	copy(meta[headerSize:], u32s(hashMagic, 4, 0, 0, 0, 0, 2, 3, 1, 2, 0, 1, 0)) // buckets 0 to 2, one bitmap
	copy(meta[hashSpares:], u32s(0, 1, 1))
	copy(meta[hashBitmaps:], u32s(3))
	var links []uint32
	hashLinks(meta, 0, func(to uint32) { links = append(links, to) })
	assert.Equal(t, []uint32{1, 2, 3 + 1, 3}, links)
}

// Whatever lies on a disk, reading it ends, within the page.
func FuzzPages(f *testing.F) {
	f.Add([]byte("any"), uint16(headerSize+40), uint16(Size-8))
	f.Fuzz(func(t *testing.T, content []byte, lower, special uint16) {
		p := make(Page, Size)
		copy(p[headerSize:], content)
		copy(p[Size-min(Size, len(content)):], content)
		binary.LittleEndian.PutUint16(p[12:], lower)
		binary.LittleEndian.PutUint16(p[14:], 1)
		binary.LittleEndian.PutUint16(p[16:], special)
		for name := range methods {
			x, _ := NewIndex(name, 2)
			x.Add(p, func(Place) {})
			_ = x.Fault()
		}
		var k Keys
		k.Add(p)
		k.Add(p)
		k.end()
	})
}
