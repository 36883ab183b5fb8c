package drill

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/wal"
)

// recordsBack undoes, in the WAL of a cluster that is stopped cleanly, what was changed for the replay of tablespaces.
// Where recovery ended in the segment of such a record, the first segment of the new timeline begins with a copy of it,
// and goes into the archive once the cluster is started.
func (r *nodeRestore) recordsBack() (err error) {
	if len(r.late) == 0 {
		return nil
	}
	directory := filepath.Join(r.place.Dir, "pg_wal")
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, made := range r.late {
		for _, entry := range entries { // a segment that is not whole has .partial behind its name
			name := entry.Name()
			segment, no := wal.ParseSegment(name[:min(len(name), len("000000010000000000000001"))], r.size)
			if no == nil && segment.Number == uint64(made.At)/r.size {
				err = errors.Join(err, recordBack(filepath.Join(directory, name), made))
			}
		}
	}
	return err
}

// recordBack undoes it in one file, where it is; only what differs is written.
func recordBack(path string, made postgres.Tablespace) error {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // what was written is synced
	was, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	is := append([]byte(nil), was...)
	if wal.AtLocation(is, made.At, made.OID, made.Location) != nil {
		return nil // it stands there as it was written, or not at all
	}
	for i := range is {
		if is[i] == was[i] {
			continue
		}
		if _, err = file.WriteAt(is[i:i+1], int64(i)); err != nil {
			return err
		}
	}
	return file.Sync()
}
