package suite

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Handle is the part of testing.TB through which a run is told: lines for whoever watches,
// and attributes for the report.
type Handle interface {
	Publisher
	Output() io.Writer
}

// Out is what a step or a claim is handed to speak with, and to register what must be
// undone. It is a value: nothing of it is kept when the step is over.
type Out struct {
	handle Handle
	undo   *undoing
}

// NewOut is an Out on any handle, for whoever runs a step without a Run; what it registers
// with Undo is left to Undone.
func NewOut(handle Handle) Out { return Out{handle: handle, undo: &undoing{}} }

// Say prints one line, or several where the text has line breaks.
func (o Out) Say(format string, args ...any) {
	// A line nobody can read any more is no fault.
	_, _ = fmt.Fprintln(o.handle.Output(), Printable(fmt.Sprintf(format, args...)))
}

// Show prints lines as Say does, which a terminal shows too: a text to copy.
func (o Out) Show(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	o.handle.Attr(ShownKey, strconv.Itoa(1+strings.Count(text, "\n")))
	o.Say("%s", text)
}

// Note prints a line and keeps it for the report.
func (o Out) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	o.Say("%s", text)
	Note(o.handle, text)
}

// Metric publishes a measurement, in seconds or bytes or as a count. Labels are pairs of
// name and value. The name is one of the suite's Metrics.
func (o Out) Metric(name string, value float64, labels ...string) {
	Metric(o.handle, name, value, labels...)
}

// Label publishes a text that describes the run: one of the suite's InfoLabels, or stanza.
func (o Out) Label(name, value string) { Label(o.handle, name, value) }

// Undo registers what must be undone when the run ends. Call it before looking at the error
// of whatever made the thing: a half-made one must go too. The last one registered is undone
// first.
func (o Out) Undo(do func(context.Context, Out) error) { o.undo.push(do) }

// Apart is for a run within this one: its lines and how far it is are shown; its measurements, labels and notes are
// its own affair, and so is what it registers to be undone (Undone).
func (o Out) Apart() Out { return Out{handle: apart{o.handle}, undo: &undoing{}} }

// apart lets lines and progress through.
type apart struct{ Handle }

func (a apart) Attr(key, value string) {
	if key == ProgressKey {
		a.Handle.Attr(key, value)
	}
}

// Undone undoes whatever was registered and is not undone yet; its errors are joined.
func (o Out) Undone(ctx context.Context) error { return o.undo.all(ctx, o) }
