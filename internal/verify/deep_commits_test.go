package verify

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What pg_xact says nothing of is found by itself or by sixty-four, and only as far as transactions have begun.
func TestSilent(t *testing.T) {
	full := bytes.Repeat([]byte{0x55}, 8*silence/xidsAByte)
	const each = silence
	hole := func(from, to int) []byte {
		file := bytes.Clone(full)
		clear(file[from*silence/xidsAByte : to*silence/xidsAByte])
		return file
	}
	all := int64(8 * each)
	assert.Empty(t, silent(full, 0, all, each))
	assert.Equal(t, []xids{{2 * each, 4*each - 1}}, silent(hole(2, 4), 0, all, each))
	assert.Equal(t, []xids{{firstXid, each - 1}}, silent(hole(0, 1), 0, all, each), "the first ones are not in it")
	assert.Equal(t, []xids{{xidsAFile, xidsAFile + each - 1}}, silent(hole(0, 1), xidsAFile, 2*xidsAFile, each))
	assert.Empty(t, silent(hole(6, 8), 0, 6*each+10, each), "the rest has not begun")
	assert.Equal(t, []xids{{6 * each, 6*each + 9}}, silent(hole(6, 8), 0, 6*each+10, 1))
	assert.Empty(t, silent(hole(6, 8), 0, 6*each, 1))
	file := hole(3, 4)
	file[3*silence/xidsAByte+7] = 1
	assert.Empty(t, silent(file, 0, all, each), "it says something")
	assert.Equal(t, []xids{{3 * each, 3*each + 27}, {3*each + 29, 4*each - 1}}, silent(file, 0, all, 1))
	file = bytes.Clone(full)
	file[20] = 0x11 // of 80 to 83
	assert.Equal(t, []xids{{81, 81}, {83, 83}}, silent(file, 0, all, 1))
	assert.Empty(t, silent(file, 0, all, each))
}

// Few transactions with small numbers may be of another cluster's initdb.
func TestContradicted(t *testing.T) {
	assert.Empty(t, contradicted([]xids{{700, 700}, {800, 850}}))
	assert.Equal(t, []xids{{700, 800}, {upgradedXid, 1030}, {5000, 5000}},
		contradicted([]xids{{700, 800}, {1000, 1030}, {5000, 5000}}))
	assert.Equal(t, "{[3,66],[81,81]}", multirange([]xids{{3, 66}, {81, 81}}))
	assert.Equal(t, "the transactions 3 to 66", xids{3, 66}.String())
	assert.Equal(t, "it", xids{81, 81}.String())
}

// A transaction that had not ended may have committed since.
func TestWithout(t *testing.T) {
	assert.Equal(t, []xids{{3, 9}, {11, 14}}, without([]xids{{3, 14}}, []int64{15, 10, 2}))
	assert.Equal(t, []xids{{4, 8}}, without([]xids{{3, 9}, {20, 20}}, []int64{9, 3, 20}))
	assert.Equal(t, []xids{{3, 9}}, without([]xids{{3, 9}}, nil))
}

// What a crash leaves costs no large cluster another reading of all its rows.
func TestSingle(t *testing.T) {
	small, large := relation{size: singleBytes}, relation{size: 1}
	assert.True(t, single(survey{version: "15.4"}, []relation{small}))
	assert.False(t, single(survey{version: "15.4"}, []relation{small, large}))
	assert.False(t, single(survey{version: "13.9"}, []relation{large}))
}

// A page of pg_xact without a word is told, and what a crash leaves of a transaction or two is not.
func TestSilentPages(t *testing.T) {
	assert.Empty(t, silentPages(nil))
	assert.Empty(t, silentPages([]xids{{3, 66}, {firstXid, xidsAPage - 1}, {100000, 100000 + xidsAPage - 2}}))
	notes := silentPages([]xids{{64, 127}, {xidsAPage, 2*xidsAPage - 1}, {5 * xidsAPage, 7*xidsAPage + 3}})
	assert.Len(t, notes, 2)
	assert.Contains(t, notes[0], "for the transactions 32768 to 65535")
	assert.Contains(t, strings.Join(notes, ""), "163840 to 229379")
}
