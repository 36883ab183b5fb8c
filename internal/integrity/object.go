// Package integrity reads a repository again, a share at a time: which objects there are, which of them are due, and
// whether what is stored is what pgBackRest wrote. It reads objects as they lie in the store and changes none.
package integrity

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
)

// Unit is what is read at once and remembered together.
type Unit struct {
	Key     string // a set's label and a number, or an archive's id and directory
	Set     string // label of the set; "" of WAL
	Objects []Object
	Bytes   int64 // as stored
}

// Object is one object of the store, with the files in it.
type Object struct {
	Path  string // below the repository's root
	Bytes int64
	Files []File
}

// File is a whole object, or a part of a bundle, and what it must be.
type File struct {
	Name           string
	Offset, Length int64
	Stored         string // SHA-1 of the bytes as stored; "" is not known
	Plain          string // SHA-1 of what they hold, for where Stored is not known
	PlainBytes     int64  // how much that is; 0 is not known
	Pass           string // opens it; "" is not encrypted, and never to be printed
	Compression    string // extension; "" is none
}

// unitBytes is about how much one unit of a backup holds. A directory of WAL holds as much before it is compressed.
const unitBytes = 4 << 30

// SetUnits are the units of a set's own files; those that it takes from an earlier set are that one's. found are the
// objects below backup/STANZA, by path below the repository's root. What is missing or has another size is wrong
// without being read.
func SetUnits(stanza string, m pgbackrest.Manifest, found map[string]int64) (units []Unit, wrong []string) {
	objects := map[string]*Object{}
	directory := path.Join("backup", stanza, m.Label)
	for _, f := range m.Files {
		// Before pgBackRest 2.50 a file that was emptied while the backup ran lies in its bundle all the same.
		if f.Reference != "" || f.Size == 0 && m.Bundle && f.BundleID == 0 {
			continue
		}
		at := path.Join(directory, m.Stored(f))
		o := objects[at]
		if o == nil {
			o = &Object{Path: at}
			objects[at] = o
		}
		o.Bytes = max(o.Bytes, f.Offset+f.RepoSize)
		o.Files = append(o.Files, fileOf(m, f))
	}
	unit := Unit{Set: m.Label}
	for _, at := range slices.Sorted(maps.Keys(objects)) {
		o := *objects[at]
		slices.SortFunc(o.Files, func(a, b File) int { return int(a.Offset - b.Offset) })
		// Units are made of what there was, not of what is left: their keys must mean the same tomorrow.
		if unit.Bytes > 0 && unit.Bytes+o.Bytes > unitBytes {
			units, unit = append(units, unit), Unit{Set: m.Label}
		}
		unit.Bytes += o.Bytes
		if bytes, there := found[at]; there && bytes == o.Bytes {
			unit.Objects = append(unit.Objects, o)
		} else {
			wrong = append(wrong, sizeWrong(at, bytes, o.Bytes, there))
		}
	}
	units = append(units, unit)
	for i := range units {
		units[i].Key = fmt.Sprintf("%s/%d", m.Label, i)
	}
	return units, wrong
}

func sizeWrong(at string, bytes, want int64, there bool) string {
	if !there {
		return at + " is missing"
	}
	return fmt.Sprintf("%s has %d bytes, and had %d", at, bytes, want)
}

func fileOf(m pgbackrest.Manifest, f pgbackrest.ManifestFile) File {
	file := File{Name: f.Name, Offset: f.Offset, Length: f.RepoSize, Stored: f.RepoChecksum}
	if file.Stored != "" {
		return file
	}
	if m.Type == "none" && m.Pass == "" { // what is stored is the file itself
		file.Stored = f.Checksum
		if f.Size == 0 {
			file.Stored = emptySum
		}
		return file
	}
	file.Plain, file.PlainBytes, file.Pass, file.Compression = f.Checksum, f.Size, m.Pass, m.Type
	if f.Size == 0 {
		file.Plain = emptySum
	}
	return file
}

// emptySum is the SHA-1 of nothing.
const emptySum = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

// segment is a WAL segment as pgBackRest stores it, below archive/STANZA.
var segment = regexp.MustCompile(`^([0-9.]+-[0-9]+/[0-9A-F]{16})/([0-9A-F]{24})-([0-9a-f]{40})(?:\.([a-z0-9]+))?$`)

// WALUnits are the units of the WAL segments of a stanza, a directory each. list are the objects below
// archive/STANZA; pass opens them.
func WALUnits(stanza string, list []objectstore.Object, pass string) (units []Unit) {
	byDirectory := map[string]int{}
	for _, object := range list {
		m := segment.FindStringSubmatch(object.Name)
		if m == nil {
			continue // history files are read by the claim archive, and nothing else is restored from
		}
		i, known := byDirectory[m[1]]
		if !known {
			i = len(units)
			byDirectory[m[1]] = i
			units = append(units, Unit{Key: m[1]})
		}
		u := &units[i]
		u.Bytes += object.Size
		u.Objects = append(u.Objects, Object{
			Path: path.Join("archive", stanza, object.Name), Bytes: object.Size, Files: []File{{
				Name: m[2], Length: object.Size, Plain: m[3], Pass: pass, Compression: m[4],
			}},
		})
	}
	return units
}
