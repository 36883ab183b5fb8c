package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"veza.fr/recovery/internal/testprom/whole"
)

// Appended is what was added.
type Appended struct {
	Seq     int
	File    string // path of the envelope
	Head    string // hash of the new last line
	Before  Ledger // as Read would have found it, before anything was repaired
	Repairs []string
}

// Append adds an entry to dir, which must be there: the envelope first, then its line, both flushed to
// disk. state gets the entry's place in the chain and returns its statement; key signs it, nil leaves it unsigned.
//
// What a writer that was killed left behind is finished first, and told in Repairs. Nothing else is ever changed: where
// the ledger cannot be continued, the error says so, and evidence goes to another directory.
func Append(dir string, now time.Time, key ed25519.PrivateKey, state func(Place) (Statement, error)) (Appended, error) {
	a, err := appendEntry(dir, now, key, state)
	if err != nil {
		return a, fmt.Errorf("write evidence to %s: %w", dir, err)
	}
	return a, nil
}

func appendEntry(
	dir string, now time.Time, key ed25519.PrivateKey, state func(Place) (Statement, error),
) (a Appended, err error) {
	w, err := openWriter(dir)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, w.ledger.Close()) }()
	a.Before = w.before
	if err = w.repair(key); err != nil {
		return a, err
	}
	place := Place{Seq: w.seq + 1, Time: now.UTC().Truncate(time.Millisecond), Previous: w.hash}
	statement, err := state(place)
	if err != nil {
		return a, err
	}
	envelope, err := seal(statement, key)
	if err != nil {
		return a, err
	}
	a.Seq, a.File = place.Seq, filepath.Join(dir, FileName(place.Seq))
	if err = w.putEnvelope(FileName(place.Seq), envelope); err != nil {
		return a, err
	}
	killed("line")
	line, err := lineOf(place, envelope)
	if err != nil {
		return a, err
	}
	if err = w.write(line); err != nil {
		return a, err
	}
	a.Head, a.Repairs = hash(line), w.repairs
	return a, nil
}

// killed is where a test ends a writer as a kill would.
var killed = func(string) {}

func lineOf(p Place, envelope []byte) ([]byte, error) {
	return written(Line{Seq: p.Seq, Time: p.Time, Envelope: Digest(envelope), Previous: p.Previous})
}

// writer has the ledger to itself.
type writer struct {
	dir     string
	ledger  *os.File
	before  Ledger
	repairs []string
	tail
}

func openWriter(dir string) (*writer, error) {
	path := filepath.Join(dir, LedgerName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	w := &writer{dir: dir, ledger: f, before: Ledger{Dir: dir}}
	if info, unknown := f.Stat(); unknown == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	} else {
		err = w.read()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// read reads all there is, under the lock that the writer keeps. An envelope of before that may not be read stops
// nothing: it is a doubt, and this entry is another one.
func (w *writer) read() error {
	if err := lock(context.Background(), w.ledger, true); err != nil {
		return err
	}
	content, err := bounded(w.ledger, maxLedger)
	if err != nil {
		return err
	}
	if err = w.before.read(content); err != nil {
		return err
	}
	if w.before.unread != nil {
		w.before.found(0, "%v", w.before.unread)
	}
	w.tail, err = tailOf(content)
	return err
}

// repair finishes what a writer that was killed left: an envelope that was cut, an envelope without its line, a line
// that was cut. An envelope says all that its line says, so that the line is the one that would have been written;
// lines that somebody removed come back likewise.
func (w *writer) repair(key ed25519.PrivateKey) error {
	err := os.Remove(filepath.Join(w.dir, unfinished))
	switch {
	case err == nil:
		w.repaired("removed %s, which a run left that was killed while it wrote", unfinished)
		killed("removed")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for {
		name := FileName(w.seq + 1)
		_, err = os.Lstat(filepath.Join(w.dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(w.cut) == 0:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s ends with a line that is cut, and there is no envelope it could be of: %s",
				LedgerName, aside)
		case err != nil:
			return err
		}
		if err = w.adopt(name, key); err != nil {
			return err
		}
	}
}

// adopt writes the line of an envelope that has none.
func (w *writer) adopt(name string, key ed25519.PrivateKey) error {
	line, err := w.orphan(name, key)
	if err != nil {
		return fmt.Errorf("%s is not named by the ledger, and cannot be what a killed run left: %w: %s",
			name, err, aside)
	}
	if !torn(w.cut, line) {
		return fmt.Errorf("%s ends with a line that is cut, and it is not that of %s: %s", LedgerName, name, aside)
	}
	rest, begun := bytes.CutPrefix(line, w.cut)
	if !begun { // else nothing is taken away, as a file that may only grow wants it
		rest = line
		if err = w.ledger.Truncate(w.size); err != nil {
			return err
		}
	}
	killed("repair")
	if err = w.write(rest); err != nil {
		return err
	}
	w.repaired("added the line of %s, which was missing: a run was killed before it wrote it, or it was removed", name)
	w.tail, err = tailOf(line)
	return err
}

const aside = "`evidence verify` says what is wrong; keep the directory as it is, and name another one"

func (w *writer) repaired(format string, args ...any) {
	w.repairs = append(w.repairs, fmt.Sprintf(format, args...))
}

// orphan is the line of an envelope that continues the chain and that the ledger does not name. A writer with a key
// takes none that it did not sign: a forged one would stand in the chain for good.
func (w *writer) orphan(name string, key ed25519.PrivateKey) ([]byte, error) {
	content, err := envelopeOf(w.dir, name)
	if err != nil {
		return nil, err
	}
	var envelope Envelope
	if err = exactly(content, &envelope); err != nil {
		return nil, err
	}
	s, payload, err := envelope.open()
	if err != nil {
		return nil, err
	}
	if key != nil {
		if err = envelope.signedBy(payload, []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}); err != nil {
			return nil, fmt.Errorf("it %w", err)
		}
	}
	var predicate struct {
		Entry Place `json:"entry"`
	}
	if err = json.Unmarshal(s.Predicate, &predicate); err != nil {
		return nil, err
	}
	if predicate.Entry.Seq != w.seq+1 || predicate.Entry.Previous != w.hash {
		return nil, errors.New("it does not continue the last line")
	}
	return lineOf(predicate.Entry, content)
}

// torn says whether a write of line can have ended as cut: with its beginning, or with nothing where the disk had room
// for it and not yet its bytes.
func torn(cut, line []byte) bool {
	if len(cut) > len(line) {
		return false
	}
	for i, b := range cut {
		if b != line[i] && b != 0 {
			return false
		}
	}
	return true
}

// putEnvelope writes a file that was not there.
func (w *writer) putEnvelope(name string, content []byte) (err error) {
	beside := filepath.Join(w.dir, unfinished)
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	killed("envelope")
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	killed("rename")
	if err = os.Rename(beside, filepath.Join(w.dir, name)); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	return whole.SyncDirectory(w.dir)
}

func (w *writer) write(text []byte) error {
	if _, err := w.ledger.Write(text); err != nil {
		return err
	}
	return w.ledger.Sync()
}
