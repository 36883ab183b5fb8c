package suite

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable escapes what is not printable in a text, as Go does in a quoted string; line breaks
// and tabs stay. Everything that leaves a step goes through it or through Line: names, values
// and error texts come out of a restored database, and test2json takes a ^V (0x16) in the
// middle of a line for the begin of an event (cmd/internal/test2json, marker).
func Printable(text string) string {
	var safe strings.Builder
	for i, r := range text {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], "\uFFFD"):
			safe.WriteString(`\x` + strconv.FormatUint(uint64(text[i]), 16)) // not UTF-8
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			safe.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			safe.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return safe.String()
}
