package node

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// systemID is the system identifier of a cluster: the first eight bytes of its pg_control, in the order of this
// machine. It is "" where they are not there: pgBackRest takes the file away first and writes it last, and a crash of
// the machine may leave nothing but zeros.
func systemID(dir string) string {
	file, err := os.Open(filepath.Join(dir, "global/pg_control"))
	if err != nil {
		return ""
	}
	defer file.Close() //nolint:errcheck // only read
	var first [8]byte
	if _, err = io.ReadFull(file, first[:]); err != nil {
		return ""
	}
	if id := binary.NativeEndian.Uint64(first[:]); id != 0 {
		return strconv.FormatUint(id, 10)
	}
	return ""
}

// lastStart says who started a cluster last, by its postmaster.opts. PostgreSQL does not sync that file: after a crash
// of the machine it may be empty, and says nothing.
func lastStart(dir string) (ours, theirs bool) {
	options, err := os.ReadFile(filepath.Join(dir, "postmaster.opts"))
	if err != nil || len(bytes.Trim(options, "\x00 \n")) == 0 {
		return false, false
	}
	ours = ourStart.Match(options)
	return ours, !ours
}
