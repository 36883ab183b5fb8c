package page

// GiST (access/gist.h): nsn, right link, flags.
const (
	gistLeaf    = 1 << 0
	gistDeleted = 1 << 1
)

func gistLinks(p Page, _ uint32, yield func(uint32)) {
	special := p.special()
	flags := p.u16(special + 12)
	if flags&gistDeleted != 0 {
		return
	}
	yield(p.u32(special + 8))
	if flags&gistLeaf == 0 {
		for entry := range p.items(1) {
			yield(entry.block(0))
		}
	}
}

func gistPlaces(p Page, yield func(Place)) {
	if flags := p.u16(p.special() + 12); flags&gistLeaf != 0 && flags&gistDeleted == 0 {
		for entry := range p.items(1) {
			yield(entry.place(0))
		}
	}
}

// SP-GiST (access/spgist_private.h): flags. An inner tuple is a header, a prefix, and nodes that are index
// tuples of their own; the two lowest bits of any tuple say whether it lives.
const (
	spgistMeta    = 1 << 0
	spgistDeleted = 1 << 1
	spgistLeaf    = 1 << 2
	spgistState   = 3
)

func spgistLinks(p Page, _ uint32, yield func(uint32)) {
	if p.u16(p.special())&(spgistMeta|spgistDeleted|spgistLeaf) != 0 {
		return
	}
	for tuple := range p.items(1) {
		head := tuple.u32(0)
		if head&spgistState != 0 {
			continue
		}
		at := 8 + int(head>>16)
		for range head >> 3 & 0x1FFF {
			if tuple.u16(at+4) != 0 { // else the node has nothing below it
				yield(tuple.block(at))
			}
			size := int(tuple.u16(at+6) & tupleSize)
			if size == 0 {
				break
			}
			at += size
		}
	}
}

func spgistPlaces(p Page, yield func(Place)) {
	if flags := p.u16(p.special()); flags&spgistLeaf == 0 || flags&spgistDeleted != 0 {
		return
	}
	for tuple := range p.items(1) {
		if len(tuple) >= 12 && tuple.u32(0)&spgistState == 0 {
			yield(tuple.place(6))
		}
	}
}

// BRIN (access/brin_page.h): the kind of a page is the last number of it. The map from ranges to
// their summaries begins on page 1.
const (
	brinMeta     = 0xF091
	brinRevmap   = 0xF092
	brinMapItems = (Size - headerSize - 8) / 6
)

func brinLinks(p Page, _ uint32, yield func(uint32)) {
	switch p.u16(Size - 2) {
	case brinMeta:
		last := p.u32(headerSize + 12)
		for block := uint32(1); block <= last && block < 1<<20; block++ { // more ranges than a table can have
			yield(block)
		}
	case brinRevmap:
		for i := range brinMapItems {
			if at := p.place(headerSize + 6*i); at.Item != 0 {
				yield(at.Block)
			}
		}
	}
}

// Hash (access/hash.h). Buckets are allocated by the dozen when the index doubles: only those up to
// the highest one in use have pages that were written to.
const (
	hashMagic    = 0x6440640
	hashOverflow = 1 << 0
	hashBucket   = 1 << 1
	hashMeta     = 1 << 3
	hashSpares   = headerSize + 52
	hashBitmaps  = headerSize + 444
	hashOnePhase = 10 // HASH_SPLITPOINT_GROUPS_WITH_ONE_PHASE
)

func hashLinks(p Page, block uint32, yield func(uint32)) {
	special := p.special()
	flags := p.u16(special + 12)
	if flags&(hashOverflow|hashBucket) != 0 {
		yield(p.u32(special + 4))
	}
	if block != 0 || flags&hashMeta == 0 || p.u32(headerSize) != hashMagic {
		return
	}
	const most = 1 << 24 // buckets of 128 GB: with more, the number itself may be damaged
	for bucket := range min(p.u32(headerSize+24), most) + 1 {
		yield(hashBucketBlock(p, bucket))
	}
	for i := range min(int(p.u32(headerSize+44)), 1024) {
		yield(p.u32(hashBitmaps + 4*i))
	}
}

// hashBucketBlock is the first page of a bucket (BUCKET_TO_BLKNO).
func hashBucketBlock(meta Page, bucket uint32) uint32 {
	if bucket == 0 {
		return 1
	}
	return bucket + meta.u32(hashSpares+4*(hashPhase(bucket+1)-1)) + 1
}

// hashPhase is the phase in which a number of buckets was allocated (_hash_spareindex).
func hashPhase(buckets uint32) int {
	group := 0
	for uint64(1)<<group < uint64(buckets) {
		group++
	}
	if group < hashOnePhase {
		return group
	}
	return hashOnePhase + (group-hashOnePhase)*4 + int((buckets-1)>>(group-3)&3)
}

func hashPlaces(p Page, yield func(Place)) {
	if flags := p.u16(p.special() + 12); flags&(hashOverflow|hashBucket) != 0 {
		for entry := range p.items(1) {
			yield(entry.place(0))
		}
	}
}
