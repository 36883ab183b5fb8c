// Package scale makes, out of nothing, what the code that is linear in a repository would see of a large one: the
// listing of an archive, the manifest of a set, histories and reports. Its benchmarks are the figures of
// drill/scale.md, and its test holds that none of it grows faster than the repository.
package scale

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// Week is how many segments production archives in a week, and Kept how many the policy keeps: those of four weeks
// and of the one that runs.
const (
	Week = 100_000
	Kept = 5 * Week
)

// Begin is when the oldest of a listing was archived.
var Begin = time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC)

// Segment is the path of the n-th archived segment of timeline 1, below an archive's id.
func Segment(n int) string {
	name := wal.Segment{Timeline: 1, Number: uint64(n + 1)}.Name(wal.DefaultSegmentSize)
	return fmt.Sprintf("%s/%s-%s.zst", name[:16], name, digest(n))
}

func digest(n int) string {
	sum := sha1.Sum(fmt.Append(nil, n))
	return hex.EncodeToString(sum[:])
}

// Listing is the answer of `repo-ls --recurse --output=json` for an archive of so many segments.
func Listing(segments int) []byte {
	var b strings.Builder
	b.WriteString("{")
	for n := range segments {
		if n > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `%q:{"type":"file","size":%d,"time":%d}`, Segment(n), 5<<20, at(n).Unix())
	}
	b.WriteString("}")
	return []byte(b.String())
}

// at is when the n-th segment was archived.
func at(n int) time.Time { return Begin.Add(time.Duration(n) * 7 * 24 * time.Hour / Week) }

// Objects are the same segments as an object store lists them below archive/STANZA.
func Objects(segments int) []objectstore.Object {
	list := make([]objectstore.Object, segments)
	for n := range list {
		list[n] = objectstore.Object{Name: "15-1/" + Segment(n), Size: 5 << 20}
	}
	return list
}

// Starts are where the kept backups begin, of five weeks: a full one a week, and a diff on every other day of the last.
func Starts(segments int) (starts []wal.Start) {
	for day := range 5 * 7 {
		if n := day * segments / (5 * 7); day%7 == 0 || day > 4*7 {
			from := wal.Segment{Timeline: 1, Number: uint64(n + 1)}
			starts = append(starts, wal.Start{First: from, Stop: wal.Segment{Timeline: 1, Number: from.Number + 3}})
		}
	}
	return starts
}

// Manifest is one of a full backup with so many files: a gigabyte where the relation is large, and bundled where it is
// small.
func Manifest(files int) []byte {
	var b strings.Builder
	b.WriteString("[backrest]\nbackrest-format=5\nbackrest-version=\"2.55.1\"\n\n[backup]\nbackup-bundle=true\n" +
		"backup-label=\"20261122-020003F\"\n\n[backup:option]\noption-compress-type=\"zst\"\n\n[target:file]\n")
	for n := range files {
		bundle, size := fmt.Sprintf(`"bni":%d,"bno":%d,`, n/1000+1, n%1000*100), 8192
		if n%20 == 0 {
			bundle, size = "", 1<<30
		}
		fmt.Fprintf(&b, `pg_data/base/16384/%d={%s"checksum":%q,"rck":%q,"repo-size":%d,"size":%d,`+
			`"timestamp":1795312803}`+"\n", 16384+n, bundle, digest(n), digest(-n-1), size/3, size)
	}
	return pgbackrest.SealInfo([]byte(b.String()))
}

// History is one of so many runs, a line each.
func History(runs int) []byte {
	var b strings.Builder
	for n := range runs {
		end := Begin.Add(time.Duration(n) * 24 * time.Hour)
		fmt.Fprintf(&b, `{"schema":1,"suite":"drill","stanza":"veza","verdict":"pass","exit_status":0,"reason":"none",`+
			`"started":%q,"ended":%q,"duration_seconds":900,`+
			`"steps":[{"name":"restore","outcome":"passed","seconds":%d}],`+
			`"measurements":[{"name":"rto_seconds","value":%d}],"labels":{"environment":"incus"},"notes":[%q]}`+"\n",
			end.Add(-15*time.Minute).Format(time.RFC3339), end.Format(time.RFC3339), 300+n, 600+n,
			strings.Repeat("x", 3000))
	}
	return []byte(b.String())
}
