package forecast

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Lasted reads from a history how long the whole runs of a suite took, oldest first: those that passed, and those that
// were red for nothing but the time they took. A run that broke off says nothing of how long a whole one takes.
// Stanza "" is any. A line that cannot be read is left out; the error is the reader's.
func Lasted(history io.Reader, suite, stanza string) (lasted []time.Duration, err error) {
	reader := bufio.NewReaderSize(history, 64<<10)
	for {
		text, err := lineOf(reader)
		var r struct {
			Suite   string   `json:"suite"`
			Stanza  string   `json:"stanza"`
			Exit    *int     `json:"exit_status"`
			Reason  string   `json:"reason"`
			Seconds *float64 `json:"duration_seconds"`
		}
		if len(text) > 0 && json.Unmarshal(text, &r) == nil && r.Suite == suite && r.Exit != nil &&
			(stanza == "" || r.Stanza == stanza) && (*r.Exit == 0 || r.Reason == "rto_exceeded") &&
			r.Seconds != nil && *r.Seconds >= 0 && *r.Seconds < maxRTO {
			lasted = append(lasted, time.Duration(*r.Seconds*float64(time.Second)))
		}
		if errors.Is(err, io.EOF) {
			return lasted, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
