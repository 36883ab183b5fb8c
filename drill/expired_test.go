package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// What is lacking because expire took it is no finding; what is lacking although the set and its WAL are kept is one.
func TestUnlessExpired(t *testing.T) {
	const first, second = "000000010000000000000002", "000000010000000000000003"
	one, sum := []string{"20260901-020003F"}, "-0123456789012345678901234567890123456789.gz"
	listed := func(names ...string) (text string) {
		text = `{".":{"type":"path"}`
		for _, name := range names {
			text += `,"0000000100000000/` + name + sum + `":{"type":"file","size":1,"time":1}`
		}
		return text + "}"
	}
	incomplete := reason.Errorf(reason.RecoveryIncomplete, "ended too soon")
	for name, c := range map[string]struct {
		failed error
		sets   []string // beside the own
		own    bool     // listed
		conf   string
		wal    string
		want   reason.Reason
		words  string
	}{
		"the set is gone": {incomplete, one, false, "", listed(), reason.ConfigInvalid, "does not list it"},
		"nothing is gone": {
			incomplete, one, true, "retention-archive=1", listed(first, second), reason.RecoveryIncomplete, "",
		},
		"its WAL is gone": {
			incomplete, one, true, "retention-archive=1", listed(second), reason.ConfigInvalid,
			first + " went by repo1-retention-archive=1",
		},
		"WAL that expire leaves": {
			incomplete, one, true, "retention-full=2", listed(second), reason.RecoveryIncomplete, "",
		},
		"WAL without a newer set": {
			incomplete, nil, true, "retention-archive=1", listed(second), reason.RecoveryIncomplete, "",
		},
		"nothing is listed": {incomplete, nil, false, "", listed(), reason.RecoveryIncomplete, ""},
		"another finding": {
			reason.Errorf(reason.WALCorrupt, "x"), one, false, "", listed(), reason.WALCorrupt, "",
		},
		"it passed": {nil, one, false, "", listed(), "", ""},
	} {
		p, box := restoring(t, answer{})
		own := p.plan.set.Label
		if c.own {
			c.sets = append([]string{own}, c.sets...)
		}
		p.plan.set.Database = pgbackrest.Database{ID: 1, RepoKey: 1}
		p.plan.segmentSize = 16 << 20
		files := []wal.File{{Path: first + sum, Size: 1, Time: time.Unix(1, 0)}, {Path: second + sum, Size: 1}}
		p.plan.archive.Archive = wal.NewArchive(files, p.plan.segmentSize)
		for _, file := range files {
			p.plan.chain.Entries = append(p.plan.chain.Entries, p.plan.archive.Entries[segmentOf(t, file.Path)]...)
		}
		text := "[global]\nrepo1-path=/repo\n"
		if c.conf != "" {
			text += "repo1-" + c.conf + "\n"
		}
		config, err := pgbackrest.ParseConfig("/c", []byte(text+"[demo]\npg1-path=/p\n"))
		require.NoError(t, err)
		p.repo.Conf.Config = config
		box.answers["pgbackrest info"] = answer{stdout: listing(t, c.sets)}
		box.answers["pgbackrest repo-ls"] = answer{stdout: c.wal}
		err = recovered{restored: restored{provisioned: p}}.unlessExpired(t.Context(), c.failed)
		requireReason(t, c.want, err, name)
		if c.words != "" {
			assert.ErrorContains(t, err, c.words, name)
		}
	}
}

func segmentOf(t *testing.T, name string) wal.Segment {
	t.Helper()
	segment, err := wal.ParseSegment(name[:24], 16<<20)
	require.NoError(t, err)
	return segment
}
