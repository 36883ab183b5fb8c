package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// multixactsOf are the first files of both logs, of multixacts before next, of two members each.
func multixactsOf(next int64) (offsets, members []byte) {
	offsets, members = make([]byte, 4*8192), make([]byte, 32*8192)
	for i := int64(1); i < next; i++ {
		binary.LittleEndian.PutUint32(offsets[4*i:], uint32(2*i-1))
		for n := 2*i - 1; n < 2*i+1; n++ {
			at := 8192*(n/membersAPage) + memberGroup*(n%membersAPage/4) + 4 + 4*(n%4)
			binary.LittleEndian.PutUint32(members[at:], uint32(700+n))
		}
	}
	return offsets, members
}

// Of a version that lays the logs out in another way no byte is read: what looks like zeroes there is none.
func TestLostMultixacts_OfAnotherLayout(t *testing.T) {
	asked := errors.New("a session")
	d := Deep{Superuser: func(context.Context, string) (*pgx.Conn, error) { return nil, asked }}
	_, _, notes, err := d.lostMultixacts(t.Context(), "app", "18.6")
	require.ErrorIs(t, err, asked)
	assert.Empty(t, notes)
	found, suspects, notes, err := d.lostMultixacts(t.Context(), "app", "19.0")
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Empty(t, suspects)
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "pg_multixact of PostgreSQL 19.0 was not looked at")
}

// A sector of either log that lost its numbers is found, and what a crash leaves is not; nor is what no row names.
func TestMuteRanges(t *testing.T) {
	const next, end = 5000, 2*5000 - 1
	offsets, members := multixactsOf(next)
	assert.Empty(t, multiOffsets.muteRanges(offsets, 0, 1, next, mute))
	assert.Empty(t, multiMembers.muteRanges(members, 0, 1, end, mute))

	clear(offsets[512*3 : 512*4])
	clear(members[8192 : 2*8192])
	assert.Equal(t, []xids{{384, 511}}, multiOffsets.muteRanges(offsets, 0, 1, next, mute))
	assert.Equal(t, []xids{{1636, 3271}}, multiMembers.muteRanges(members, 0, 1, end, lostPage))
	assert.Empty(t, multiOffsets.muteRanges(offsets, 0, 512, next, mute), "no row names them")
	assert.Empty(t, multiOffsets.muteRanges(offsets, 0, 1, 384+mute-1, mute), "they were not given out yet")
	assert.Equal(t, []xids{{384, 384 + mute - 1}}, multiOffsets.muteRanges(offsets, 0, 1, 384+mute, mute))
	assert.Empty(t, multiOffsets.muteRanges(offsets, 1, 1, next, mute), "of a later file")
	assert.Equal(t, []xids{{multisAFile + 384, multisAFile + 511}},
		multiOffsets.muteRanges(offsets, 1, multisAFile+1, multisAFile+next, mute))

	offsets, members = multixactsOf(next)
	clear(offsets[400 : 400+4*(mute-1)])
	clear(members[20:200])
	assert.Empty(t, multiOffsets.muteRanges(offsets, 0, 1, next, mute), "a crash leaves a few")
	assert.Empty(t, multiMembers.muteRanges(members, 0, 1, end, mute), "a crash leaves a few")
	clear(members[20*100 : 20*200])
	assert.Empty(t, multiMembers.muteRanges(members, 0, 1, end, lostPage), "those of one that many sessions share")
	assert.Equal(t, []xids{{4000, 4999}}, multiOffsets.muteRanges(offsets[:4*4000], 0, 1, next, mute), "it was cut")

	_, members = multixactsOf(next)
	clear(members[24:28]) // member 4: of multixact 2, its second
	m := multis{oldest: 1, next: 4, end: 7}
	assert.Equal(t, []xids{{4, 4}}, multiMembers.muteRanges(members, 0, 1, end, 1))
	assert.Equal(t, []xids{{2, 2}, {3, 3}}, m.suspects([]int64{1, 3, 5}, map[int64]bool{4: true, 6: true, 7: true}))
	assert.Equal(t, []xids{{1, 1}, {3, 3}}, m.suspects([]int64{0, 3, 0}, nil))
	assert.Empty(t, m.suspects([]int64{1, 3, 5}, nil))

	found := multiOffsets.judge([]xids{{384, 511}})
	require.Len(t, found, 1)
	assert.Equal(t, reason.PageChecksum, found[0].Reason)
	assert.Contains(t, found[0].Sentence, "pg_multixact/offsets has nothing but zeroes from 384 to 511")
	assert.Empty(t, multiMembers.judge(nil))
}
