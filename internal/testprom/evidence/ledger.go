package evidence

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Names in a directory of evidence.
const (
	LedgerName = "ledger.jsonl"
	suffix     = ".dsse.json"
	unfinished = ".unfinished" // an envelope that is being written
)

// FileName is the file of an entry's envelope.
func FileName(seq int) string { return fmt.Sprintf("%06d", seq) + suffix }

// Line is a line of the ledger. The JSON of an entry's line has these fields in this order, and no spaces.
type Line struct {
	Seq      int       `json:"seq"`
	Time     time.Time `json:"time"`
	Envelope string    `json:"envelope_sha256"` // of the whole file
	Previous string    `json:"previous_sha256"` // of the line before, without its end; of the first line 64 zeros
}

// noLine is what stands for the line before the first one.
var noLine = strings.Repeat("0", 64)

// hash of a line, with or without its end.
func hash(line []byte) string { return Digest(bytes.TrimSuffix(line, []byte("\n"))) }

// tail is where a ledger ends, as the next writer needs it.
type tail struct {
	seq  int    // of the last whole line, 0 where there is none
	hash string // of that line
	time time.Time
	cut  []byte // what stands behind it: a line that was cut
	size int64  // without what was cut
}

// tailOf reads the end of a ledger. A last line that is none of ours is an error: nothing can be added behind it.
func tailOf(ledger []byte) (tail, error) {
	end := bytes.LastIndexByte(ledger, '\n') + 1
	t := tail{hash: noLine, cut: ledger[end:], size: int64(end)}
	if end == 0 {
		return t, nil
	}
	line := ledger[bytes.LastIndexByte(ledger[:end-1], '\n')+1 : end]
	var last Line
	if err := exactly(line, &last); err != nil {
		return t, fmt.Errorf("its last line cannot be continued: %w", err)
	}
	t.seq, t.hash, t.time = last.Seq, hash(line), last.Time
	return t, nil
}
