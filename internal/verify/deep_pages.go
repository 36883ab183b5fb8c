package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// relationFile is the name of a relation's file; after it may stand a fork and the number of
// a gigabyte.
var relationFile = regexp.MustCompile(`^(\S+/\d+)(_[a-z]+)?(\.\d+)?\b`)

// pageChecksums looks at every page of every file.
func (d Deep) pageChecksums(ctx context.Context, s survey) (examination, error) {
	if d.Pages == nil {
		return examination{leftOut: "the server cannot be stopped here"}, nil
	}
	found, err := d.Pages(ctx)
	if err != nil {
		return examination{}, err
	}
	if found.Off {
		return examination{
			leftOut: "the cluster has no data checksums: neither pgBackRest nor this drill can see a damaged page " +
				"as such (pg_checksums --enable)",
		}, nil
	}
	e := examination{examined: fmt.Sprintf("%d pages", found.Blocks)}
	if n := len(found.Strays); n > 0 {
		e.notes = append(e.notes, fmt.Sprintf("files that belong to no relation were not looked at (%d): %s", n,
			strings.Join(shortened(found.Strays), ", ")))
	}
	if found.Ended != "" {
		e.leftOut = fmt.Sprintf("pg_checksums ends at %s, which is no file of a relation: look on production for "+
			"what put it there, and move it away", found.Ended)
	}
	for _, bad := range found.Bad {
		text := bad
		if match := relationFile.FindStringSubmatch(bad); match != nil {
			if owner := s.owner(match[1]); owner != "" {
				text = owner + ": " + bad
			}
		}
		e.findings = append(e.findings, finding(reason.PageChecksum, text+"; look for it on production's disk"))
	}
	return e, nil
}
