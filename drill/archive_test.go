package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// A segment that production archived and that no listing shows is missing; one that lies where a restore does not go is
// of another cluster than the restore's; what is no segment proves nothing.
func TestCheckArchiveEnd(t *testing.T) {
	followed := wal.Chain{
		Target: 4, Switches: []wal.Switch{{Timeline: 2, At: 0x5000028}},
		Entries: []wal.Entry{
			{Segment: wal.Segment{Timeline: 2, Number: 4}, Name: "000000020000000000000004"},
			{Segment: wal.Segment{Timeline: 4, Number: 7}, Name: "000000040000000000000007"},
		},
	}
	for archived, want := range map[string]reason.Reason{
		"":                         "",
		"00000005.history":         "",
		"000000040000000000000007": "",
		"000000040000000000000006": "",
		"000000020000000000000005": "", // the segment of the switch: before the failover it was production's
		"000000020000000000000004": "",
		"000000010000000000000004": "", // left before the backup
		"000000040000000000000008": reason.WALMissing,
		"000000050000000000000007": reason.WALMissing,
		"000000020000000000000006": reason.TimelineConflict, // a clone went on at 5, and is further than production
		"000000020000000000000009": reason.TimelineConflict, // and is not as far
		"000000030000000000000005": reason.TimelineConflict, // no ancestor
		"000000010000000000000005": reason.TimelineConflict, // beyond where the backup began on another
		"0000000400000000000001FF": reason.ConfigInvalid,    // there is none with this size of a segment
	} {
		requireReason(t, want, session.CheckArchiveEnd(archived, followed, segmentSize), archived)
	}
	followed.Switches = nil
	followed.History = []wal.Switch{{Timeline: 1, At: 3 * segmentSize}, {Timeline: 2, At: 0x5000028}}
	for archived, want := range map[string]reason.Reason{ // the backup is on the newest timeline, and was taken since
		"000000010000000000000002": "",
		"000000010000000000000003": reason.TimelineConflict, // the switch is at a border: nothing of it is from before
		"000000010000000000000004": reason.TimelineConflict,
		"000000020000000000000005": "",
		"000000020000000000000006": reason.TimelineConflict,
		"000000030000000000000005": reason.TimelineConflict,
	} {
		requireReason(t, want, session.CheckArchiveEnd(archived, followed, segmentSize), archived)
	}
	plain := wal.Chain{Target: 2, Entries: followed.Entries[:1]}
	requireReason(t, "", session.CheckArchiveEnd("000000020000000000000004", plain, segmentSize), "on it")
	before := session.CheckArchiveEnd("000000010000000000000005", plain, segmentSize)
	requireReason(t, reason.TimelineConflict, before, "left before")
}

// A failover between the question and the listing is no conflict: the primary is asked once more.
func TestMovedOn(t *testing.T) {
	const before = "000000010000000000000009"
	conflict := reason.Errorf(reason.TimelineConflict, "x")
	for name, c := range map[string]struct {
		found         error
		before, again string
		asks, moved   bool
	}{
		"it is still there":        {conflict, before, "00000001000000000000000A", true, false},
		"it went on to the next":   {conflict, before, "000000020000000000000009", true, true},
		"it has archived none yet": {conflict, before, "", true, true},
		"nothing was found":        {nil, before, "", false, false},
		"a hole is no conflict":    {reason.Errorf(reason.WALMissing, "x"), before, "", false, false},
		"it was not asked":         {conflict, "", "", false, false},
	} {
		asked := false
		moved, err := session.MovedOn(c.found, c.before, func() (string, error) {
			asked = true
			return c.again, nil
		})
		require.NoError(t, err, name)
		assert.Equal(t, []bool{c.asks, c.moved}, []bool{asked, moved}, name)
	}
	_, err := session.MovedOn(conflict, before, func() (string, error) {
		return "", reason.Errorf(reason.ConfigInvalid, "it does not answer")
	})
	requireReason(t, reason.ConfigInvalid, err, "unanswered")
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

// The worst moment is just before a backup is complete, when all since the start of the one before it is replayed,
// or now, when more have come since the last.
func TestPlan_MostBetweenBackups(t *testing.T) {
	archive := wal.Archive{SegmentSize: segmentSize, Entries: map[wal.Segment][]wal.Entry{}}
	for number := uint64(2); number <= 20; number++ {
		segment := wal.Segment{Timeline: 1, Number: number}
		archive.Entries[segment] = []wal.Entry{{Segment: segment}}
	}
	ranged := func(label, start, stop string) pgbackrest.Backup {
		b := listedBackup(t, label, "full", 0, "0/3000000")
		b.Archive.Start, b.Archive.Stop = "0000000100000000000000"+start, "0000000100000000000000"+stop
		return b
	}
	sets := []pgbackrest.Backup{ranged("20260823-020003F", "02", "02"), ranged("20260824-020003F", "0C", "0C")}
	p := plan{
		backups: sets, set: sets[1], segmentSize: segmentSize, archive: repository.Archive{Archive: archive},
		chain: wal.Chain{Entries: []wal.Entry{{Segment: wal.Segment{Timeline: 1, Number: 20}}}},
	}
	assert.Equal(t, 11, p.mostBetweenBackups(), "between the two")
	sets[0].Archive.Stop = "000000010000000000000006"
	assert.Equal(t, 11, p.mostBetweenBackups(), "the first one took long: nobody replays from before it")
	sets[1].Archive.Stop = "000000010000000000000011"
	assert.Equal(t, 16, p.mostBetweenBackups(), "the second one took long: until it is complete, all of it")
	p.backups = sets[:1]
	p.set = sets[0]
	assert.Equal(t, 19, p.mostBetweenBackups(), "since the last")
}
