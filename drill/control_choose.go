package drill

import (
	"path"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/view"
	"veza.fr/recovery/internal/wal"
)

// chosen is what is broken in a view: things that every drill of the set meets.
type chosen struct {
	segment string     // its name
	hidden  view.Fault // of the segment
	flipped view.Fault // of the segment
	cut     view.Fault // of a file of the set, by its path in the set
}

// choose chooses a segment of the plan's chain and a file among those of its set; directory is that of the archive.
func choose(p plan, directory string, files []wal.File, encrypted bool) (c chosen, err error) {
	segment, err := segmentToBreak(p)
	if err != nil {
		return c, err
	}
	file, ok := listedAs(segment, p.archive.Listing)
	if !ok {
		return c, reason.Errorf(reason.NoTests, "segment %s is not in the list of the archive", segment.Name)
	}
	largest, err := fileToCut(files)
	if err != nil {
		return c, err
	}
	at := directory + "/" + file.Path
	return chosen{
		segment: segment.Name,
		hidden:  view.Fault{Kind: view.Hidden, Path: at},
		flipped: view.Fault{Kind: view.Flipped, Path: at, At: byteToFlip(file, encrypted)},
		cut:     view.Fault{Kind: view.Cut, Path: largest.Path, At: largest.Size / 2},
	}, nil
}

// segmentToBreak is one in the middle of what is replayed: a later one is there, or the backup needs it itself. A
// missing last one would look like the end of the archive. It stands on one timeline alone: PostgreSQL would take
// another copy.
func segmentToBreak(p plan) (wal.Entry, error) {
	if p.set.Offline() {
		return wal.Entry{}, reason.Errorf(reason.NoTests, "backup set %s was taken offline, and where its WAL begins "+
			"is not known before it is restored: choose another one with -set", p.set.Label)
	}
	start, err := repository.Start(p.set, p.segmentSize)
	if err != nil {
		return wal.Entry{}, notJudged(err)
	}
	copies := map[uint64]int{}
	for segment, entries := range p.archive.Entries {
		copies[segment.Number] += len(entries)
	}
	var list []wal.Entry
	for i, entry := range p.chain.Entries {
		needed := i < len(p.chain.Entries)-1 || entry.Number <= start.Stop.Number
		if needed && copies[entry.Number] == 1 {
			list = append(list, entry)
		}
	}
	if len(list) == 0 {
		return wal.Entry{}, reason.Errorf(reason.NoTests, "no segment behind backup set %s would be missed: there is "+
			"none before the last one that stands on one timeline alone", p.set.Label)
	}
	return list[len(list)/2], nil
}

// listedAs is the file of a segment.
func listedAs(segment wal.Entry, listing []wal.File) (wal.File, bool) {
	for _, file := range listing {
		if strings.HasPrefix(path.Base(file.Path), segment.Name+"-"+segment.Checksum) {
			return file, true
		}
	}
	return wal.File{}, false
}

// byteToFlip is one whose change nobody can miss. In what is compressed and encrypted that is any; what is only
// compressed may have no checksum (zst), and what is not compressed has unused space: there it is the first one, which
// says what kind of file it is.
func byteToFlip(file wal.File, encrypted bool) int64 {
	if encrypted && path.Ext(file.Path) != "" {
		return file.Size / 2
	}
	return 0
}

// fileToCut is the largest of a set's own files: restore begins with it. Files of sets before it are left out, and so
// are manifests, which have a copy.
func fileToCut(files []wal.File) (largest wal.File, err error) {
	for _, file := range files {
		if !strings.HasPrefix(path.Base(file.Path), "backup.manifest") && file.Size > largest.Size {
			largest = file
		}
	}
	if largest.Size < 2 {
		return largest, reason.Errorf(reason.NoTests, "the backup set has no file that can be cut")
	}
	return largest, nil
}
