package evidence

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
)

// Whatever a piece of a file is exchanged for, Verify finds it, and says so in printable words.
func FuzzVerify(f *testing.F) {
	key := keyOf("drill")
	dir := chain(f, 5, key)
	names := []string{LedgerName}
	for i := range 6 {
		names = append(names, FileName(i+1))
	}
	f.Add(uint8(0), uint16(10), uint16(1), []byte("x"))
	f.Add(uint8(3), uint16(100), uint16(0), []byte(" "))
	f.Add(uint8(0), uint16(0), uint16(60000), []byte{})
	f.Add(uint8(0), uint16(0), uint16(0), []byte("\x1b[2J\n"))
	f.Fuzz(func(t *testing.T, which uint8, at, length uint16, with []byte) {
		name := names[int(which)%len(names)]
		before := content(t, dir, name)
		from := int(at) % (len(before) + 1)
		to := min(from+int(length), len(before))
		after := slices.Concat(before[:from], with, before[to:])
		if bytes.Equal(before, after) {
			return
		}
		put(t, dir, name, after)
		defer put(t, dir, name, before)
		l, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		found := l.Verify([]ed25519.PublicKey{publicOf(key)})
		if len(found) == 0 {
			t.Fatalf("%s: %q in place of %q", name, with, before[from:to])
		}
		for _, finding := range found {
			if strings.ContainsAny(finding.Text, "\x1b\r\n") {
				t.Fatalf("%q", finding.Text)
			}
		}
	})
}
