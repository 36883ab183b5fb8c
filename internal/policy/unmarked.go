package policy

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"regexp"
)

// unmarked are the objects of a set that pgBackRest may encrypt without its mark: with repo-block (2.46) its bundles,
// and the files that it stores by blocks; a set takes that over from the one before it (`.raw` in
// src/command/backup/file.c). They begin with the salt. Packed by zst, lz4 or bz2 they begin as always, by gz as zlib
// does.
var unmarked = regexp.MustCompile(`/\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?/(bundle/\d+|.+\.pgbi)$`)

// unpacks says whether content is what zlib writes, or its beginning. Two bytes of it are a salt's by chance, and then
// nothing comes out.
func unpacks(content []byte) bool {
	packed, err := zlib.NewReader(bytes.NewReader(content))
	if err != nil {
		return false
	}
	const enough = 4 << 10
	_, err = io.CopyN(io.Discard, packed, enough)
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// even says whether content is as what is encrypted without a mark: a salt of 8 bytes and a block of 16 at least, and
// no byte much more common than others. That is by the sum of the squares of what each differs by (chi squared): of
// encrypted bytes it is 255, and 10 standard deviations more once in 10^10 times at most, also of the fewest; a page of
// a database has hundreds of thousands. A short text has less, and no byte beyond ASCII.
func even(content []byte) bool {
	var counts [256]float64
	ascii := true
	for _, b := range content {
		counts[b]++
		ascii = ascii && b < 0x80
	}
	mean, sum := float64(len(content))/256, 0.0
	for _, n := range counts {
		sum += (n - mean) * (n - mean) / mean
	}
	return len(content) >= 24 && !ascii && sum < 255+10*22.6
}
