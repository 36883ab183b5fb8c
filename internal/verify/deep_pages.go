package verify

import (
	"context"
	"fmt"
	"regexp"

	"veza.fr/recovery/internal/reason"
)

// segmentOf is what a file's name has behind the relation's: a fork, the number of a gigabyte.
var segmentOf = regexp.MustCompile(`^(\S+/\d+)(_[a-z]+)?(\.\d+)?\b`)

// pages looks at every page of every file.
func (d Deep) pages(ctx context.Context, s survey) (tally, error) {
	if d.Pages == nil {
		return tally{leftOut: "the server cannot be stopped here"}, nil
	}
	found, err := d.Pages(ctx)
	if err != nil {
		return tally{}, err
	}
	if found.Off {
		return tally{leftOut: "the cluster has no data checksums: neither pgBackRest nor this drill can see a damaged page as such (pg_checksums --enable)"}, nil
	}
	t := tally{looked: fmt.Sprintf("%d pages", found.Blocks)}
	for _, bad := range found.Bad {
		text := bad
		if match := segmentOf.FindStringSubmatch(bad); match != nil {
			if owner := s.owner(match[1]); owner != "" {
				text = owner + ": " + bad
			}
		}
		t.findings = append(t.findings, finding{reason.PageChecksum, text + "; look for it on production's disk"})
	}
	return t, nil
}
