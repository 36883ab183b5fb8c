package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

const segmentSize = 16 << 20

// A target after everything that is archived is refused; the last segment still counts, and a
// clock may be some seconds off.
func TestInWindow(t *testing.T) {
	last := wal.Entry{
		Segment: wal.Segment{Timeline: 1, Number: 7}, Name: "000000010000000000000007", Time: noon,
	}
	for name, c := range map[string]struct {
		to        target.Target
		otherwise reason.Reason
	}{
		"the end of the archive":         {target.Target{}, ""},
		"a restore point":                {target.Target{Kind: target.Name, Name: "p"}, ""},
		"when the last one was archived": {at(noon), ""},
		"within the clocks' difference":  {at(noon.Add(clocksApart)), ""},
		"later":                          {at(noon.Add(clocksApart + time.Second)), reason.ConfigInvalid},
		"in the last segment":            {lsnTarget("0/7FFFFFF"), ""},
		"the first byte after it":        {lsnTarget("0/8000000"), reason.ConfigInvalid},
	} {
		requireReason(t, c.otherwise, inWindow(c.to, last, segmentSize), name)
	}
}

// A segment that production archived and that no listing shows is missing; what is no segment
// proves nothing.
func TestCheckArchiveEnd(t *testing.T) {
	last := wal.Entry{Segment: wal.Segment{Timeline: 2, Number: 7}, Name: "000000020000000000000007"}
	for archived, want := range map[string]reason.Reason{
		"":                         "",
		"00000003.history":         "",
		"000000020000000000000007": "",
		"000000020000000000000006": "",
		"000000010000000000000007": "",
		"000000020000000000000008": reason.WALMissing,
		"000000030000000000000007": reason.WALMissing,
		"0000000200000000000001FF": reason.ConfigInvalid, // there is none with this size of a segment
	} {
		requireReason(t, want, session.CheckArchiveEnd(archived, last, segmentSize), archived)
	}
}

// What replay needs beside the data is bounded: segments are recycled as it goes on.
func TestPlan_Need(t *testing.T) {
	full, _ := twoSets(t)
	full.Info.Size = 100
	few := plan{set: full, segmentSize: segmentSize, chain: wal.Chain{Entries: make([]wal.Entry, 2)}}
	many := plan{set: full, segmentSize: segmentSize, chain: wal.Chain{Entries: make([]wal.Entry, 500)}}
	assert.EqualValues(t, 100+2*segmentSize, few.need())
	assert.EqualValues(t, 100+walRoom*segmentSize, many.need())
}

// The worst moment is just before the backup with the most segments since the one before it,
// or now, when more have come since the last.
func TestPlan_MostBetweenBackups(t *testing.T) {
	archive := wal.Archive{SegmentSize: segmentSize, Entries: map[wal.Segment][]wal.Entry{}}
	for number := uint64(2); number <= 20; number++ {
		segment := wal.Segment{Timeline: 1, Number: number}
		archive.Entries[segment] = []wal.Entry{{Segment: segment}}
	}
	began := func(label, segment string) pgbackrest.Backup {
		b := listedBackup(t, label, "full", 0, "0/3000000")
		b.Archive.Start = segment
		return b
	}
	sets := []pgbackrest.Backup{
		began("20260823-020003F", "000000010000000000000002"), began("20260824-020003F", "00000001000000000000000C"),
	}
	p := plan{
		backups: sets, set: sets[1], segmentSize: segmentSize, archive: repository.Archive{Archive: archive},
		chain: wal.Chain{Entries: []wal.Entry{{Segment: wal.Segment{Timeline: 1, Number: 20}}}},
	}
	assert.Equal(t, 10, p.mostBetweenBackups(), "between the two")
	p.backups = sets[:1]
	p.set = sets[0]
	assert.Equal(t, 19, p.mostBetweenBackups(), "since the last")
}
