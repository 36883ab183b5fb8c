package suite

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Bytes is the unit of a Progress that counts them; any other unit is the word for what is counted.
const Bytes = "bytes"

// Progress is how far a long piece of work is.
type Progress struct {
	What  string // one word or two, without a colon: restored
	Done  int64
	Total int64 // 0: nobody knows, or more was done than anybody knew of
	Unit  string
}

// Progress publishes how far the step is. It changes nothing of the verdict: whoever watches sees
// a line that moves.
func (o Out) Progress(p Progress) { o.handle.Attr(ProgressKey, p.String()) }

// String is the progress as it is published: "restored: 4096 of 8192 bytes".
func (p Progress) String() string {
	of := ""
	if p.Total > 0 && p.Done <= p.Total {
		of = fmt.Sprintf(" of %d", p.Total)
	}
	return Line(fmt.Sprintf("%s: %d%s %s", strings.ReplaceAll(p.What, ":", ""), max(p.Done, 0), of, p.Unit))
}

var progressText = regexp.MustCompile(`^([^:]+): (\d{1,18})(?: of (\d{1,18}))? (.+)$`)

// ParseProgress reads what String wrote, or whoever writes the stream; false is a text that means
// something else. Its words are printable.
func ParseProgress(text string) (p Progress, ok bool) {
	found := progressText.FindStringSubmatch(text)
	if found == nil {
		return p, false
	}
	p = Progress{What: Line(found[1]), Unit: Line(found[4])}
	p.Done, _ = strconv.ParseInt(found[2], 10, 64)  // digits
	p.Total, _ = strconv.ParseInt(found[3], 10, 64) // digits or nothing
	return p, p.Total == 0 || p.Done <= p.Total
}
