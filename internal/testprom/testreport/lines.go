package testreport

import (
	"bufio"
	"errors"
	"io"
)

// maxLine bounds what is kept of one line, in bytes. test2json writes events of
// a few KiB (output is cut at 1024 bytes, facts C1); a longer line is read to
// its end in constant memory and counts as damaged, never as the end of the stream.
const maxLine = 8 << 20

// lineReader reads lines of any length.
type lineReader struct {
	r    *bufio.Reader
	long []byte
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next is the next line without its line break, valid until the next call;
// whole is false when only its beginning was kept. The last line may lack its
// line break; io.EOF comes alone, after it.
func (l *lineReader) next() (line []byte, whole bool, err error) {
	line, err = l.r.ReadSlice('\n')
	if err == nil {
		return line, true, nil
	}
	l.long = append(l.long[:0], line...)
	whole = true
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.r.ReadSlice('\n')
		room := maxLine - len(l.long)
		whole = whole && len(line) <= room
		l.long = append(l.long, line[:min(len(line), max(room, 0))]...)
	}
	if errors.Is(err, io.EOF) && len(l.long) > 0 {
		err = nil
	}
	return l.long, whole, err
}
