// Package view is a repository in which one thing is broken, without a byte of it being touched: a proxy in front
// of its object store, or of a directory that is served like one. It only lets reads through.
package view

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Kind is what is done to what a reader sees.
type Kind string

// The kinds of faults.
const (
	Nothing Kind = ""        // the repository as it is
	Hidden  Kind = "hidden"  // a file is not there
	Flipped Kind = "flipped" // the bits of one byte of a file are turned over
	Cut     Kind = "cut"     // a file ends too soon
	Denied  Kind = "denied"  // every request is refused
)

// Fault is the one thing that is broken in a view.
type Fault struct {
	Kind Kind
	Path string // of the file below the repository's root: archive/main/15-1/...
	At   int64  // Flipped: the byte, from 0; Cut: how many bytes are left
}

// names says whether a key of a bucket, or the path of a request, is that of the broken file. Where in the bucket
// the repository begins is not asked: a path holds the stanza and ends in a name that is there once.
func (f Fault) names(key string) bool {
	return f.Path != "" && strings.HasSuffix("/"+strings.TrimPrefix(key, "/"), "/"+f.Path)
}

var (
	contents = regexp.MustCompile(`(?s)<Contents[ >].*?</Contents>`)
	keyOf    = regexp.MustCompile(`(?s)<Key>(.*?)</Key>`)
	sizeOf   = regexp.MustCompile(`<Size>\d+</Size>`)
	encoded  = regexp.MustCompile(`<EncodingType>url</EncodingType>`)
)

// list is what a list of objects says in the view, and whether the broken file is on it.
func (f Fault) list(body []byte) (seen []byte, met bool) {
	if f.Kind != Hidden && f.Kind != Cut {
		return body, false
	}
	urls := encoded.Match(body)
	seen = contents.ReplaceAllFunc(body, func(object []byte) []byte {
		key := keyOf.FindSubmatch(object)
		if key == nil || !f.names(plainKey(string(key[1]), urls)) {
			return object
		}
		met = true
		if f.Kind == Hidden {
			return nil
		}
		return sizeOf.ReplaceAll(object, fmt.Appendf(nil, "<Size>%d</Size>", f.At))
	})
	return seen, met
}

// plainKey is a key as it was before it was put into a list.
func plainKey(key string, urls bool) string {
	var text string
	if xml.Unmarshal([]byte("<Key>"+key+"</Key>"), &text) == nil {
		key = text
	}
	if plain, err := url.QueryUnescape(key); urls && err == nil {
		return plain
	}
	return key
}

// isList says whether an answer is a list of objects: their names may stand in any other file too.
func isList(body []byte) bool {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case xml.StartElement:
			return token.Name.Local == "ListBucketResult"
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return false
			}
		}
	}
}

// flip turns over the bits of the broken byte, where it is among those read, of which the first is at position.
func (f Fault) flip(read []byte, position int64) {
	if at := f.At - position; f.Kind == Flipped && at >= 0 && at < int64(len(read)) {
		read[at] = ^read[at]
	}
}

var contentRange = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+|\*)$`)

// span is which bytes of a file an answer holds.
type span struct{ first, end int64 } // end is one behind the last

// spanOf reads a Content-Range; an answer without one holds the whole file.
func spanOf(header string, length int64) (s span, err error) {
	if header == "" {
		return span{0, length}, nil
	}
	found := contentRange.FindStringSubmatch(header)
	if found == nil {
		return s, fmt.Errorf("Content-Range %q", header)
	}
	first, errFirst := strconv.ParseInt(found[1], 10, 64)
	last, errLast := strconv.ParseInt(found[2], 10, 64)
	if errFirst != nil || errLast != nil || last < first {
		return s, fmt.Errorf("Content-Range %q", header)
	}
	return span{first, last + 1}, nil
}

// cutAt is what is left of a span in a file of a length; false where nothing is.
func (s span) cutAt(length int64) (span, bool) {
	s.end = min(s.end, length)
	return s, s.first < s.end
}
