package host

import (
	"path"
	"slices"
	"strings"
)

// DiskFailed are the words of a regular expression for what a kernel says when the disk of a machine failed a file that
// is whole, or its limits did (strerror of glibc, and of musl where that differs). Nothing that is restored there
// brings one of them about: names, kinds and modes lead to others, such as "Permission denied".
const DiskFailed = `Input/output error|I/O error|Read-only file system|Structure needs cleaning|Bad message|` +
	`Stale (?:NFS )?file handle|Remote I/O error|Transport endpoint is not connected|Host is down|` +
	`Connection timed out|No locks available|Cannot allocate memory|` + MostFiles

// MostFiles are those of them for as many files as may be open at once.
const MostFiles = `Too many open files(?: in system)?|No file descriptors available`

// Below says whether a file is one of some places, or lies in it. An empty place holds nothing.
func Below(file string, places []string) bool {
	return path.Clean(file) == file && slices.ContainsFunc(places, func(place string) bool {
		return place != "" && (file == place || strings.HasPrefix(file, place+"/"))
	})
}
