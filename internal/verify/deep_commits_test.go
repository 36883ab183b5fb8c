package verify

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What pg_xact says nothing of is found by sixty-four at a time, and only as far as transactions have begun.
func TestSilent(t *testing.T) {
	full := bytes.Repeat([]byte{0x55}, 8*silence)
	const each = silence * xidsAByte
	hole := func(from, to int) []byte {
		file := bytes.Clone(full)
		clear(file[from*silence : to*silence])
		return file
	}
	all := int64(8 * each)
	assert.Empty(t, silent(full, 0, all))
	assert.Equal(t, []xids{{2 * each, 4*each - 1}}, silent(hole(2, 4), 0, all))
	assert.Equal(t, []xids{{firstXid, each - 1}}, silent(hole(0, 1), 0, all), "the first ones are not in it")
	assert.Equal(t, []xids{{xidsAFile, xidsAFile + each - 1}}, silent(hole(0, 1), xidsAFile, 2*xidsAFile))
	assert.Equal(t, []xids{{6 * each, 6*each + 9}}, silent(hole(6, 8), 0, 6*each+10), "the rest has not begun")
	assert.Empty(t, silent(hole(6, 8), 0, 6*each))
	file := hole(3, 4)
	file[3*silence+7] = 1
	assert.Empty(t, silent(file, 0, all), "it says something")
	assert.Equal(t, []xids{{each, 2*each - 1}, {3 * each, 4*each - 1}},
		silent(append(hole(1, 2)[:3*silence], make([]byte, silence)...), 0, all))
}
