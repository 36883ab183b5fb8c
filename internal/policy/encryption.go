package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// saltedMark begins every object that pgBackRest has encrypted: OpenSSL's mark, before the salt.
var saltedMark = []byte("Salted__")

// compressedStarts are how compressed files begin. They are looked for at the start alone: in the
// middle of what is encrypted, four bytes are there by chance.
var compressedStarts = []struct {
	kind  string
	first []byte
}{
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}},
	{"gzip", []byte{0x1f, 0x8b, 0x08}},
	{"lz4", []byte{0x04, 0x22, 0x4d, 0x18}},
	{"bzip2", []byte("BZh")},
}

// repositoryTexts are texts that stand in files of a repository, and by chance in nothing.
var repositoryTexts = []string{
	"[backrest]", "backrest-checksum", "[backup:current]", "PG_VERSION", "PostgreSQL database", "-----BEGIN",
}

// chunk is how much of an object is looked at at once.
const chunk = 256 << 10

// Inspect reads an object as it lies in the bucket and says what of it can be read
// without the passphrase: a finding for each kind of trace. markers are more plain texts
// to look for. n is how many bytes it read.
func Inspect(name string, r io.Reader, markers []string) (findings []string, n int64, err error) {
	find := func(format string, args ...any) { findings = append(findings, name+": "+fmt.Sprintf(format, args...)) }
	texts := append(append([]string{}, repositoryTexts...), markers...)
	overlap := 0
	for _, text := range texts {
		overlap = max(overlap, len(text)-1)
	}
	seen := map[string]bool{}
	buffer := make([]byte, 0, chunk+overlap)
	for {
		read, readErr := io.ReadFull(r, buffer[len(buffer):len(buffer)+chunk])
		buffer = buffer[:len(buffer)+read]
		if n == 0 {
			checkStart(buffer, unmarked.MatchString(name), find)
		}
		n += int64(read)
		for _, text := range texts {
			if !seen[text] && bytes.Contains(buffer, []byte(text)) {
				seen[text] = true
				find("the text %q stands in it", text)
			}
		}
		if errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF) {
			return findings, n, nil
		}
		if readErr != nil {
			return findings, n, readErr
		}
		buffer = append(buffer[:0], buffer[max(0, len(buffer)-overlap):]...)
	}
}

// checkStart looks at the first bytes of an object; raw is one that pgBackRest may encrypt without its mark.
func checkStart(content []byte, raw bool, find func(format string, args ...any)) {
	switch {
	case len(content) == 0:
		find("it is empty")
		return
	case bytes.HasPrefix(content, saltedMark):
		return
	}
	for _, start := range compressedStarts {
		if bytes.HasPrefix(content, start.first) {
			find("it is a %s file that anybody can unpack", start.kind)
			return
		}
	}
	switch {
	case raw && unpacks(content):
		find("it is a zlib file that anybody can unpack")
	case !raw || !even(content):
		find("it does not begin as an encrypted file does")
	}
}
