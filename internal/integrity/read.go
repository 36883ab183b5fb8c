package integrity

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"syscall"

	"veza.fr/recovery/internal/objectstore"
)

// maxSegment is the largest WAL segment that there is: what unpacks to more is none.
const maxSegment = 1 << 30

// Read reads every file of an object and says which are not what they were. An object that is not there is wrong,
// and gone. err is what kept it from being read: then nothing is known.
func (o Object) Read(ctx context.Context, from objectstore.Objects) (wrong []string, gone bool, err error) {
	content, err := from.Open(ctx, o.Path, o.Bytes)
	if errors.Is(err, objectstore.ErrNoObject) {
		return []string{o.Path + " is missing"}, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer content.Close() //nolint:errcheck // only read
	source := &watched{Reader: content}
	var at int64
	for _, f := range o.Files {
		if f.Offset < at { // two files of a bundle that overlap: nobody wrote that
			wrong = append(wrong, fmt.Sprintf("%s: %s lies in another file", o.Path, f.Name))
			continue
		}
		if _, err = io.CopyN(io.Discard, source, f.Offset-at); errors.Is(err, io.EOF) {
			err = errCut
		}
		if err == nil {
			at = f.Offset + f.Length
			err = f.check(source)
		}
		if errors.Is(source.err, objectstore.ErrNoObject) {
			return []string{o.Path + " is missing"}, true, nil
		}
		if errors.Is(source.err, syscall.EIO) { // the disk below it says so: that is damage
			return append(wrong, fmt.Sprintf("%s: %v", o.Path, source.err)), false, nil
		}
		if source.err != nil {
			return nil, false, source.err
		}
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s%s: %v", o.Path, inside(o, f), err))
		}
	}
	return wrong, false, nil
}

// inside names a file of a bundle.
func inside(o Object, f File) string {
	if len(o.Files) == 1 {
		return ""
	}
	return " (" + f.Name + ")"
}

var (
	errCut = errors.New("is cut")
	errSum = errors.New("has a wrong checksum")
)

// check reads one file to its end, and leaves what comes after it.
func (f File) check(from io.Reader) error {
	part := &io.LimitedReader{R: from, N: f.Length}
	stored := sha1.New()
	if f.Stored != "" {
		if _, err := io.Copy(stored, part); err != nil {
			return err
		}
		return f.judge(part.N, hex.EncodeToString(stored.Sum(nil)), f.Stored)
	}
	text, closing, err := plain(part, f.Pass, f.Compression)
	defer closing()
	most := int64(maxSegment)
	if f.PlainBytes > 0 {
		most = f.PlainBytes
	}
	if err == nil {
		_, err = io.Copy(stored, io.LimitReader(text, most+1))
	}
	if _, rest := io.Copy(io.Discard, part); rest != nil { // the next file begins behind it
		return rest
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errDecode, err)
	}
	return f.judge(part.N, hex.EncodeToString(stored.Sum(nil)), f.Plain)
}

func (f File) judge(missing int64, got, want string) error {
	switch {
	case missing > 0:
		return errCut
	case got != want:
		return errSum
	}
	return nil
}

// watched remembers what went wrong with the store itself, which is no word on what it holds.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) { // also a connection that ends early
		w.err = err
	}
	return n, err
}
