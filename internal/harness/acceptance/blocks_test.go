package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/versions"
)

// blocks is a chain of backups, full, diff and incr, that hold the changed blocks of a file in place of the
// whole file. A pgBackRest that has not repo-block (2.45 calls it beta, and refuses it) takes whole files.
var blocks = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	var options []string
	if versions.BlockIncremental.In(installedPgBackRest()) {
		options = []string{"repo1-block=y"}
	}
	c, err := newCluster(ctx, &source.Seeded{Rows: 5000, Options: options}, "acceptance-blocks")
	if err != nil {
		return liveSeed{}, err
	}
	marks := map[string]mark{}
	s, err := c.settle(ctx, "blocks", marks,
		func() error { return c.sql(ctx, "postgres", `UPDATE users SET name = 'Changed' WHERE id % 1000 = 0`) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=incr") },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
	)
	if err == nil {
		err = s.findBlock(ctx, c)
	}
	return liveSeed{c, s}, err
})

// TestBlocks restores what consists of the blocks of three backups, and finds a damaged one.
func TestBlocks(t *testing.T) { blocksFaults.run(t) }

var blocksFaults = faults("TestBlocks", blocks, []fault{
	{name: "Clean", exit: 0, why: reason.None, words: "archive whole over timeline 1"},
	{name: "OfTheFull", args: "-set {full}", exit: 0, why: reason.None},
	{ // of a whole file that changed since, the full's is not read any more
		name: "DamagedInTheFull", inject: damagedBlock, since: versions.BlockIncremental.Since(),
		older: older{exit: 0, why: reason.None}, exit: 1, why: reason.RepoCorrupt, waits: true, step: "restore",
	},
	{
		name: "DiffBetweenMissing", inject: without("backup/demo/{between}"),
		exit: 1, why: reason.RepoCorrupt, waits: true, step: "restore",
	},
	{
		name: "FullMissing", inject: without("backup/demo/{full}/bundle"),
		exit: 1, why: reason.RepoCorrupt, waits: true, step: "restore",
	},
})

// manifestFile is what a manifest says of one file of the cluster.
type manifestFile struct {
	Reference string `json:"reference"` // the backup that holds it; "" is the manifest's own
	Map       int    `json:"bim"`       // size of the map of its blocks; 0 for a whole file
	Bundle    int    `json:"bni"`
	Offset    int64  `json:"bno"`
	Stored    int64  `json:"repo-size"`
	Size      int64  `json:"size"`
}

// findBlock names the part of a bundle of the full backup that holds the blocks of a file which changed since: of the
// one of which the incr has the least beside the full, so that most blocks are still the full's. With repo-block there
// must be one, or nothing would be proved. Of whole files the largest that changed: it may well have grown.
func (s *seed) findBlock(ctx context.Context, c *cluster) error {
	s.names["between"] = s.backups[1].Label
	incr, err := manifestOf(ctx, c, s.names["newest"])
	if err != nil {
		return err
	}
	full, err := manifestOf(ctx, c, s.names["full"])
	if err != nil {
		return err
	}
	knows := versions.BlockIncremental.In(installedPgBackRest())
	var best manifestFile
	var most int64 // that the full has: with repo-block, beyond the incr
	for name, file := range full {
		now, there := incr[name]
		inBlocks := file.Map > 0 == knows && now.Map > 0 == knows
		has := file.Stored
		if knows {
			has -= now.Stored
		}
		if there && now.Reference == "" && inBlocks && has > most {
			best, most = file, has
		}
	}
	if best.Stored == 0 {
		return fmt.Errorf("repo-block is known to pgBackRest %s: %v, and no file that changed is stored so",
			installedPgBackRest(), knows)
	}
	s.names["block.bundle"] = fmt.Sprintf("backup/demo/%s/bundle/%d", s.names["full"], best.Bundle)
	s.names["block.from"], s.names["block.to"] = fmt.Sprint(best.Offset), fmt.Sprint(best.Offset+best.Stored)
	return nil
}

func manifestOf(ctx context.Context, c *cluster, label string) (map[string]manifestFile, error) {
	content, err := c.Ask(ctx, "repo-get", "backup/"+stanza+"/"+label+"/backup.manifest")
	files := map[string]manifestFile{}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(line, "={")
		if !strings.HasPrefix(name, "pg_data/base/") {
			continue
		}
		var file manifestFile
		if json.Unmarshal([]byte("{"+value), &file) == nil {
			files[name] = file
		}
	}
	if err == nil && len(files) == 0 {
		err = errors.New("the manifest of " + label + " names no file")
	}
	return files, err
}

// damagedBlock flips bytes of all blocks that the full backup holds of the file: which of them the newest
// still counts on is pgBackRest's to know.
func damagedBlock(rc *repoCopy) {
	var from, to int64
	_, err := fmt.Sscan(rc.fill("{block.from} {block.to}"), &from, &to)
	require.NoError(rc.t, err)
	rc.change(filepath.Join(rc.repo(), rc.fill("{block.bundle}")), func(content []byte) []byte {
		flippedThroughout(content[from:to])
		return content
	})
}
