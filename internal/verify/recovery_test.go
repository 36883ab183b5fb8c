package verify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

const size = 16 << 20

// atEnd is a recovery that was expected to reach segment 5 of timeline 2, and did.
func atEnd() Recovery {
	last := wal.Entry{Segment: wal.Segment{Timeline: 2, Number: 5}, Name: "000000020000000000000005"}
	return Recovery{
		Chain:       wal.Chain{Entries: []wal.Entry{last}, Target: 2},
		SegmentSize: size,
		Replayed:    6 * size,
		Timeline:    2,
	}
}

func TestComplete_TheEndOfTheArchiveIsReached(t *testing.T) {
	assert.NoError(t, atEnd().Complete())
	further := atEnd()
	further.Replayed, further.Timeline = 9*size+100, 3
	assert.NoError(t, further.Complete(), "production goes on archiving during the restore")
	within := atEnd()
	within.Replayed = 5*size + 1
	assert.NoError(t, within.Complete(), "the last record may cross into a segment that is not there yet")
}

func TestComplete_AnEarlyEndIsFoundAlthoughPostgreSQLIsUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Recovery)
		why   reason.Reason
		words string
	}{
		{
			"the last segment was not replayed", func(r *Recovery) { r.Replayed = 5 * size },
			reason.RecoveryIncomplete, "000000020000000000000005",
		},
		{
			"it ended far before", func(r *Recovery) { r.Replayed = 3*size + 7 }, reason.RecoveryIncomplete,
			"000000020000000000000003",
		},
		{
			"it stayed on the old timeline", func(r *Recovery) { r.Timeline = 1 }, reason.RecoveryIncomplete,
			"timeline 1",
		},
		{"a segment could not be read", func(r *Recovery) {
			r.Replayed = 3 * size
			r.Log.Archive = []string{"ERROR: [042]: unable to get 000000020000000000000003"}
		}, reason.WALCorrupt, "[042]"},
		{"the store went away", func(r *Recovery) {
			r.Replayed = 3 * size
			r.Log.Archive = []string{"ERROR: [049]: unable to connect to 's3:443'"}
		}, reason.RepoUnreachable, "[049]"},
		{"the end is reached, but archive-get failed on the way", func(r *Recovery) {
			r.Log.Archive = []string{"ERROR: [042]: unable to get 000000020000000000000006"}
		}, reason.WALCorrupt, "[042]"},
		{"the last segment is damaged in the middle", func(r *Recovery) {
			r.Replayed = 5*size + 100
			r.Log.Restored = []string{"000000020000000000000005"}
			r.Log.Damage = []string{"incorrect resource manager data checksum in record at 0/5000064"}
		}, reason.WALCorrupt, "0/5000064"},
	} {
		t.Run(c.name, func(t *testing.T) {
			recovery := atEnd()
			c.spoil(&recovery)
			err := recovery.Complete()
			require.Error(t, err)
			why, _ := reason.Of(err)
			assert.Equal(t, c.why, why)
			assert.ErrorContains(t, err, c.words)
		})
	}
}

func TestComplete_ATargetIsReachedOnlyWhenTheLogNamesIt(t *testing.T) {
	at := time.Date(2026, 11, 23, 23, 16, 58, 0, time.UTC)
	lsnTarget := target.Target{Kind: target.LSN, LSN: "0/C000000"}
	nameTarget := target.Target{Kind: target.Name, Name: "before deploy"}
	timeTarget := target.Target{Kind: target.Time, Time: at}
	for _, c := range []struct {
		target   target.Target
		stopping string
		reached  bool
	}{
		{lsnTarget, `recovery stopping after WAL location (LSN) "0/C000028"`, true},
		{lsnTarget, `recovery stopping after WAL location (LSN) "0/B000028"`, false},
		{lsnTarget, "", false},
		{nameTarget, `recovery stopping at restore point "before deploy", time 2026-11-23 23:16:58+00`, true},
		{nameTarget, `recovery stopping at restore point "after deploy", time 2026-11-23 23:16:58+00`, false},
		{timeTarget, "recovery stopping before commit of transaction 734, time 2026-11-23 23:16:58.126948+00", true},
		{timeTarget, "recovery stopping before commit of transaction 734, time 2026-11-24 00:16:58.126948+01", true},
		{timeTarget, "recovery stopping before commit of transaction 734, time 2026-11-23 22:16:58.126948+00", false},
		{timeTarget, "recovery stopping before commit of transaction 734", false},
	} {
		recovery := atEnd()
		recovery.Target, recovery.Log = c.target, postgres.Log{Stopping: c.stopping}
		err := recovery.Complete()
		if c.reached {
			assert.NoError(t, err, c.stopping)
			continue
		}
		why, _ := reason.Of(err)
		assert.Equal(t, reason.RecoveryIncomplete, why, c.stopping)
	}
}

func TestRPO_ClampsSmallSkewAndRefusesMore(t *testing.T) {
	now := time.Now()
	age, err := RPO(now, Newest{At: now.Add(-time.Minute)})
	require.NoError(t, err)
	assert.Equal(t, time.Minute, age)
	age, err = RPO(now, Newest{At: now.Add(4 * time.Second)})
	require.NoError(t, err)
	assert.Zero(t, age)
	_, err = RPO(now, Newest{At: now.Add(6 * time.Second), Basis: BasisHeartbeat})
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ClockSkew, why)
}

// What recovery read beyond the switch of the timeline it ended on is a tail; what it left out is none.
func TestTail(t *testing.T) {
	const at = 4*size + 40
	old := []string{
		"00000002.history", "000000010000000000000003", "000000010000000000000004", "000000010000000000000005",
	}
	for name, c := range map[string]struct {
		restored []string
		replayed wal.LSN
		timeline uint32
		want     []string
	}{
		"through the old one's":           {old, 6 * size, 2, old[2:]},
		"no further than the switch":      {old[:3], at, 2, nil},
		"in the segment of the switch":    {old[:3], at + 1, 2, old[2:3]},
		"the new one's came":              {append(old[:3:3], "000000020000000000000004"), 6 * size, 2, nil},
		"a target on the old timeline":    {old, 6 * size, 1, nil},
		"nothing was read of the archive": {old[:1], 6 * size, 2, nil},
	} {
		r := atEnd()
		r.Chain.Switches = []wal.Switch{{Timeline: 1, At: at}}
		r.Log.Restored, r.Replayed, r.Timeline = c.restored, c.replayed, c.timeline
		left, names := r.Tail()
		assert.Equal(t, c.want, names, name)
		if c.want != nil {
			assert.Equal(t, r.Chain.Switches[0], left, name)
		}
	}
}
