package view

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const segment = "archive/veza/15-1/0000000100000000/000000010000000000000005-ab.zst"

const listed = `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<Contents><Key>r/archive/veza/15-1/0000000100000000/000000010000000000000004-ab.zst</Key><Size>41</Size></Contents>
<Contents><Key>r/` + segment + `</Key><LastModified>x</LastModified><Size>42</Size></Contents>
<Contents><Key>r/archive/veza/15-1/0000000100000000/000000010000000000000006-ab.zst</Key><Size>43</Size></Contents>
</ListBucketResult>`

func TestFault_Names(t *testing.T) {
	f := Fault{Kind: Hidden, Path: segment}
	for key, want := range map[string]bool{
		"/bucket/r/" + segment: true, "r/" + segment: true, "/" + segment: true, segment: true,
		"x" + segment: false, segment + "x": false, "/bucket/r/archive/veza/archive.info": false, "": false,
	} {
		assert.Equal(t, want, f.names(key), key)
	}
	assert.False(t, Fault{Kind: Denied}.names("/anything"), "a fault of no file")
}

// A hidden file is on no list, a cut one is there with its new length, and nothing else changes.
func TestFault_List(t *testing.T) {
	seen, met := Fault{Kind: Hidden, Path: segment}.list([]byte(listed))
	assert.True(t, met)
	assert.NotContains(t, string(seen), segment)
	assert.Contains(t, string(seen), "<Size>41</Size>")
	assert.Contains(t, string(seen), "<Size>43</Size>")
	seen, met = Fault{Kind: Cut, Path: segment, At: 21}.list([]byte(listed))
	assert.True(t, met)
	assert.Contains(t, string(seen), segment)
	assert.Contains(t, string(seen), "<Size>21</Size>")
	assert.NotContains(t, string(seen), "<Size>42</Size>")
	for _, f := range []Fault{{Kind: Hidden, Path: "archive/other"}, {Kind: Flipped, Path: segment}, {Kind: Denied}} {
		seen, met = f.list([]byte(listed))
		assert.False(t, met)
		assert.Equal(t, listed, string(seen))
	}
}

// Stores may put names into a list as parts of a URL, or as XML has them.
func TestFault_ListOfOddNames(t *testing.T) {
	const name = "archive/a+b & c/15-1/000000010000000000000005-ab.zst"
	for _, list := range []string{
		`<ListBucketResult><EncodingType>url</EncodingType><Contents>` +
			`<Key>r/archive/a%2Bb+%26%20c/15-1/000000010000000000000005-ab.zst</Key></Contents></ListBucketResult>`,
		`<ListBucketResult><Contents><Key>r/archive/a+b &amp; c/15-1/000000010000000000000005-ab.zst</Key></Contents>` +
			`</ListBucketResult>`,
	} {
		seen, met := Fault{Kind: Hidden, Path: name}.list([]byte(list))
		assert.True(t, met, list)
		assert.NotContains(t, string(seen), "<Key>")
	}
}

func TestIsList(t *testing.T) {
	assert.True(t, isList([]byte(listed)))
	assert.False(t, isList([]byte(`<Error><Code>NoSuchKey</Code></Error>`)))
	assert.False(t, isList([]byte("a manifest that speaks of <ListBucketResult>")))
	assert.False(t, isList(nil))
}

func TestFault_Flip(t *testing.T) {
	f := Fault{Kind: Flipped, At: 5}
	for _, c := range []struct {
		position int64
		want     string
	}{{0, "abcde\x99"}, {5, "\x9ebcdef"}, {6, "abcdef"}, {-6, "abcdef"}} {
		read := []byte("abcdef")
		f.flip(read, c.position)
		assert.Equal(t, c.want, string(read), c.position)
	}
	read := []byte("abcdef")
	Fault{Kind: Cut, At: 2}.flip(read, 0)
	assert.Equal(t, "abcdef", string(read))
}

func TestSpanOf(t *testing.T) {
	s, err := spanOf("", 10)
	require.NoError(t, err)
	assert.Equal(t, span{0, 10}, s)
	s, err = spanOf("bytes 4-7/10", 4)
	require.NoError(t, err)
	assert.Equal(t, span{4, 8}, s)
	for _, bad := range []string{"bytes 7-4/10", "bytes */10", "4-7", "bytes 99999999999999999999-9/1"} {
		_, err = spanOf(bad, 4)
		assert.Error(t, err, bad)
	}
	for length, want := range map[int64]span{3: {4, 3}, 6: {4, 6}, 20: {4, 8}} {
		left, some := span{4, 8}.cutAt(length)
		assert.Equal(t, want, left)
		assert.Equal(t, length > 4, some)
	}
}

// Nothing that a store answers with ends the view.
func FuzzList(f *testing.F) {
	f.Add([]byte(listed))
	f.Add([]byte("<ListBucketResult><Contents><Key>%</Key></Contents>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		isList(body)
		seen, met := Fault{Kind: Hidden, Path: segment}.list(body)
		if !met && string(seen) != string(body) {
			t.Error("a list without the file has changed")
		}
		_, _ = spanOf(string(body), 1)
	})
}
