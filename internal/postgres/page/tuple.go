package page

// Bits of a row's header (htup_details.h, t_infomask).
const (
	lockedOnly = 0x0080 // HEAP_XMAX_LOCK_ONLY
	noXmax     = 0x0800 // HEAP_XMAX_INVALID
	multiXmax  = 0x1000 // HEAP_XMAX_IS_MULTI
	rowHeader  = 23
)

// Updaters are the multixacts that rows of a page of a table name as those who have updated or deleted them. Locks
// alone do not count: nobody asks for them any more.
func (p Page) Updaters(take func(multixact uint32)) {
	for row := range p.items(1) {
		mask := row.u16(20)
		if len(row) >= rowHeader && mask&multiXmax != 0 && mask&(lockedOnly|noXmax) == 0 {
			take(row.u32(4))
		}
	}
}
