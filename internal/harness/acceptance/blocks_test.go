package acceptance

import (
	"cmp"
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
	var table string
	s, err := c.settle(ctx, "blocks", map[string]mark{},
		func() error { return c.sql(ctx, "postgres", atRest...) },
		func() (err error) { table, err = c.fileOf(ctx, "at_rest"); return err },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=full") },
		func() error { return c.sql(ctx, "postgres", `UPDATE at_rest SET what = 'Changed' WHERE n = 10000`) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=diff") },
		func() error { return c.sql(ctx, "postgres", `UPDATE at_rest SET what = 'Changed' WHERE n = 20000`) },
		func() error { return c.Pgbackrest(ctx, "backup", "--type=incr") },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
	)
	if err == nil {
		err = s.findBlock(ctx, c, table)
	}
	return liveSeed{c, s}, err
})

// atRest is a table whose pages stay as the full backup has them, but for those of the rows that are changed: no vacuum
// comes by itself and writes them all, however long the backups take.
var atRest = []string{
	`CREATE TABLE at_rest (n int PRIMARY KEY, what text) WITH (autovacuum_enabled = off)`,
	`INSERT INTO at_rest SELECT i, md5(i::text) FROM generate_series(1, 20000) i`, `VACUUM (FREEZE, ANALYZE) at_rest`,
}

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

// TestChecks_Blocks asks the claims of the same chain, whose bundles and blocks pgBackRest encrypts without a mark.
func TestChecks_Blocks(t *testing.T) { blocksClaimFaults.run(t) }

var blocksClaimFaults = checkFaults("TestChecks_Blocks", blocks, []checkFault{
	{name: "Clean", exit: 0, why: reason.None, words: "objects without pgBackRest"},
	{
		name: "PlainBundle", inject: plant("backup/demo/{full}/bundle/999", "15\n"+strings.Repeat("a row ", 20)),
		exit: 1, why: reason.NotEncrypted, red: "encryption", words: "{full}/bundle/999: it does not begin",
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

// findBlock names the part of a bundle of the full backup that holds the file of the table at rest. Of that the diff
// and the incr hold some blocks each, less than the full together: the newest stands on blocks of all three. Without
// repo-block the incr has the whole file.
func (s *seed) findBlock(ctx context.Context, c *cluster, table string) error {
	var chain [3]manifestFile
	knows := versions.BlockIncremental.In(installedPgBackRest())
	for i, backup := range s.backups[len(s.backups)-len(chain):] {
		files, err := manifestOf(ctx, c, backup.Label)
		if err != nil {
			return err
		}
		file, there := files["pg_data/"+table]
		if !there || file.Reference != "" || file.Map > 0 != knows {
			return fmt.Errorf("pgBackRest %s knows repo-block: %v, and %s of %s is stored so: %+v",
				installedPgBackRest(), knows, table, backup.Label, file)
		}
		chain[i] = file
	}
	full, diff, incr := chain[0], chain[1], chain[2]
	if knows && full.Stored <= diff.Stored+incr.Stored {
		return fmt.Errorf("nothing but the full is to hold most blocks of %s: %+v", table, chain)
	}
	of := func(i int) string { return s.backups[len(s.backups)-len(chain)+i].Label }
	s.names["full"], s.names["between"] = of(0), of(1)
	s.names["block.bundle"] = fmt.Sprintf("backup/demo/%s/bundle/%d", s.names["full"], full.Bundle)
	s.names["block.from"], s.names["block.to"] = fmt.Sprint(full.Offset), fmt.Sprint(full.Offset+full.Stored)
	return nil
}

// fileOf is the file of a table, below the data directory.
func (c *cluster) fileOf(ctx context.Context, table string) (file string, err error) {
	conn, err := c.connect(ctx, "postgres")
	if err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, `SELECT pg_relation_filepath($1::regclass)`, table).Scan(&file)
	return file, cmp.Or(err, conn.Close(ctx))
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
