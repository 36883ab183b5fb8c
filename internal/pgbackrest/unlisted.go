package pgbackrest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Unlisted is a backup that is no set yet: one that is being taken, or what a crash has left of one.
type Unlisted struct {
	Label string
	// Saved is when its manifest was written last. With resume, which is on unless a conf says otherwise, pgBackRest
	// saves it when it begins to copy, and again with every hundredth of what there is to copy, or every
	// manifest-save-threshold (1 GB) where that is more (backupProcess in src/command/backup/backup.c).
	Saved time.Time
}

// Unlisted are the backups in the repository that are not among the listed ones, and have a manifest that a backup can
// be resumed by: expire takes that first.
func (c *Client) Unlisted(ctx context.Context, listed []string) (found []Unlisted, err error) {
	directory := "backup/" + c.Stanza
	names, err := c.directory(ctx, directory)
	if err != nil {
		return nil, err
	}
	for label, entry := range names {
		if entry.Type != "path" || !setLabel.MatchString(label) || slices.Contains(listed, label) {
			continue
		}
		files, err := c.directory(ctx, directory+"/"+label)
		if err != nil {
			return nil, err
		}
		if manifest, ok := files["backup.manifest.copy"]; ok {
			found = append(found, Unlisted{label, time.Unix(manifest.Time, 0)})
		}
	}
	return found, nil
}

// entry is what repo-ls says of a name.
type entry struct {
	Type string `json:"type"` // path, file, link
	Time int64  `json:"time"`
}

// directory are the names in a directory of the repository, without what is below them; none where it is not there.
func (c *Client) directory(ctx context.Context, path string) (names map[string]entry, err error) {
	output, err := c.query(ctx, append(c.common("repo-ls"), path, "--output=json", c.ioTimeout()))
	if err != nil {
		return nil, err
	}
	if len(output) == 0 { // as of a listing of everything
		return nil, nil
	}
	if err = json.Unmarshal(output, &names); err != nil {
		return nil, fmt.Errorf("the answer of pgbackrest repo-ls: %w", err)
	}
	return names, nil
}
