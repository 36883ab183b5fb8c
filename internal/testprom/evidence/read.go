package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Bounds of what is read: nothing of ours comes near.
const (
	maxLedger   = 256 << 20
	maxEnvelope = 64 << 20
)

// Entry is one line of the ledger with its envelope. Where the envelope cannot be read, or is not the one that the
// ledger names, Statement, Run and Ack are nil, and the ledger has a Finding.
type Entry struct {
	Line
	Hash      string // of the line: what the next line, and the statement in the next envelope, names
	File      string // of the envelope, in the directory
	Envelope  Envelope
	Statement *Statement
	Run       *Run // of a run
	Ack       *Ack // of an acknowledgement

	payload []byte
}

// Signed says whether there is a signature; whether it is right, Ledger.Verify says.
func (e Entry) Signed() bool { return len(e.Envelope.Signatures) > 0 }

// Finding is one thing that is wrong with a ledger.
type Finding struct {
	Seq  int    // of the entry, 0 where it is about the directory
	Text string // one sentence
}

func (f Finding) String() string { return f.Text }

// Ledger is what a directory of evidence holds.
type Ledger struct {
	Dir     string
	Entries []Entry
	// Findings are what is wrong with the chain itself, signatures apart. Entries of a ledger that has any prove
	// nothing.
	Findings []Finding

	unread error // a file that may not be read says nothing of the chain
}

// Head is the hash of the last line: written down elsewhere, it shows later that nothing was cut off. "" is no line.
func (l Ledger) Head() string {
	if len(l.Entries) == 0 {
		return ""
	}
	return l.Entries[len(l.Entries)-1].Hash
}

// Holds says whether a line has that hash.
func (l Ledger) Holds(hash string) bool {
	for _, e := range l.Entries {
		if e.Hash == hash {
			return true
		}
	}
	return false
}

// ErrNone is a directory without a ledger.
var ErrNone = errors.New("it holds no evidence: there is no " + LedgerName + "; `testprom -evidence DIR` makes one")

// Read reads a directory and follows its chain. An error means that it cannot be read, not that it is broken: what is
// broken is in Findings. It waits a moment for a run that is adding its entry.
func Read(dir string) (Ledger, error) {
	l := Ledger{Dir: dir}
	f, err := l.openLedger()
	if err != nil {
		return l, err
	}
	defer func() { _ = f.Close() }() // holds the lock: no entry comes in between
	if err = lock(context.Background(), f, false); err != nil {
		return l, err
	}
	content, err := bounded(f, maxLedger)
	if err != nil {
		return l, err
	}
	return l, errors.Join(l.read(content), l.unread)
}

// read follows the chain of a ledger's content, and looks at what else is in the directory.
func (l *Ledger) read(content []byte) error {
	names, err := os.ReadDir(l.Dir)
	if err != nil {
		return err
	}
	l.follow(content)
	l.strangers(names)
	return nil
}

func (l *Ledger) found(seq int, format string, args ...any) {
	l.Findings = append(l.Findings, Finding{seq, fmt.Sprintf(format, args...)})
}

// openLedger opens the ledger to be read.
func (l *Ledger) openLedger() (*os.File, error) {
	path := filepath.Join(l.Dir, LedgerName)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err = os.Stat(l.Dir); err == nil {
			err = fmt.Errorf("%s: %w", l.Dir, ErrNone)
		}
		return nil, err
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		l.found(0, "%s is a symbolic link: the ledger was moved away or exchanged", LedgerName)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return os.Open(path)
}

func bounded(f *os.File, most int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s has more than %d bytes", f.Name(), most)
	}
	return content, err
}

// follow reads the lines and their envelopes.
func (l *Ledger) follow(content []byte) {
	previous := noLine
	number := 0
	for line := range bytes.Lines(content) {
		number++
		if !bytes.HasSuffix(line, []byte("\n")) {
			l.found(0, "line %d of %s is cut: it was changed, or a run was killed while it wrote it; the next run "+
				"ends it where it fits", number, LedgerName)
			break
		}
		l.entry(number, line, previous)
		previous = hash(line)
	}
	if number == 0 {
		l.found(0, "%s is empty: nothing was ever written, or all of it was removed", LedgerName)
	}
}

// entry is one line and its envelope.
func (l *Ledger) entry(number int, text []byte, previous string) {
	e := Entry{Hash: hash(text)}
	if err := exactly(text, &e.Line); err != nil {
		l.found(0, "line %d of %s was changed: %v", number, LedgerName, err)
		return
	}
	e.File = FileName(e.Seq)
	defer func() { l.Entries = append(l.Entries, e) }()
	if e.Seq != number {
		l.found(e.Seq, "line %d of %s is of entry %d: a line was removed, added or moved", number, LedgerName, e.Seq)
	}
	if e.Previous != previous {
		l.found(e.Seq, "entry %d does not continue the line before it: a line was changed, removed, added or moved",
			e.Seq)
	}
	content, err := envelopeOf(l.Dir, e.File)
	if errors.As(err, new(*fs.PathError)) {
		l.unread = errors.Join(l.unread, err)
		return
	}
	if err != nil {
		l.found(e.Seq, "entry %d: %v", e.Seq, err)
		return
	}
	if Digest(content) != e.Line.Envelope {
		l.found(e.Seq, "entry %d: %s is not the envelope that the ledger names: it was changed or exchanged", e.Seq,
			e.File)
		return
	}
	if err = e.decode(content); err != nil {
		l.found(e.Seq, "entry %d: %s was changed: %v", e.Seq, e.File, err)
		e.Statement, e.Run, e.Ack = nil, nil, nil
		return
	}
	if e.Ack != nil {
		l.checkAck(e)
	}
}

// envelopeOf reads an envelope; its error says what that means for the chain.
func envelopeOf(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its envelope %s is gone: it was removed", name)
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, fmt.Errorf("%s is a symbolic link: the envelope was moved away or exchanged", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file: the envelope was exchanged", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return bounded(f, maxEnvelope)
}

// decode reads the statement of an entry, and holds it against the entry's line.
func (e *Entry) decode(content []byte) error {
	if err := exactly(content, &e.Envelope); err != nil {
		return err
	}
	s, payload, err := e.Envelope.open()
	if err != nil {
		return err
	}
	e.Statement, e.payload = &s, payload
	var place Place
	switch s.PredicateType {
	case RunType:
		e.Run = new(Run)
		err = json.Unmarshal(s.Predicate, e.Run)
		place = e.Run.Entry
	case AckType:
		e.Ack = new(Ack)
		err = json.Unmarshal(s.Predicate, e.Ack)
		place = e.Ack.Entry
	default:
		return fmt.Errorf("its predicate is of type %q, which is none of ours", s.PredicateType)
	}
	if err != nil {
		return fmt.Errorf("its predicate cannot be read: %w", err)
	}
	if place.Seq != e.Seq || !place.Time.Equal(e.Time) || place.Previous != e.Previous {
		return fmt.Errorf("it was written as entry %d at %s, and not for this line of the ledger", place.Seq,
			place.Time.Format(time.RFC3339))
	}
	return nil
}

// checkAck finds an acknowledgement that is not of the run it names.
func (l *Ledger) checkAck(e Entry) {
	for _, before := range l.Entries {
		if before.Seq == e.Ack.Run && before.Run != nil && len(e.Statement.Subject) == 1 &&
			e.Statement.Subject[0].Digest["sha256"] == before.Line.Envelope {
			return
		}
	}
	l.found(e.Seq, "entry %d acknowledges entry %d, and that is not the run it was written for", e.Seq, e.Ack.Run)
}

// strangers are files that the ledger does not name.
func (l *Ledger) strangers(names []fs.DirEntry) {
	known := map[string]bool{LedgerName: true}
	for _, e := range l.Entries {
		known[e.File] = true
	}
	next := FileName(len(l.Entries) + 1)
	for _, entry := range names {
		switch name := entry.Name(); {
		case known[name]:
		case name == unfinished:
			l.found(0, "%s: a run was killed while it wrote its entry; the next run removes it", name)
		case name == next:
			l.found(0, "%s is not named by the ledger: the line of the last entry was removed, or a run was killed "+
				"before it wrote it; the next run adds the line where it fits", name)
		default:
			l.found(0, "%q is not named by the ledger: it was added, or its line was removed", name)
		}
	}
}
