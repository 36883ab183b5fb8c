package drill

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/view"
	"veza.fr/recovery/internal/wal"
)

const (
	sum       = "0123456789abcdef0123456789abcdef01234567"
	inArchive = "archive/veza/15-1"
)

// planOver is a plan whose archive lists segments 5 to last on timeline 1, and more.
func planOver(t *testing.T, stop string, more ...string) plan {
	t.Helper()
	full, _ := twoSets(t)
	full.Archive.Start, full.Archive.Stop = "000000010000000000000005", stop
	p := plan{set: full, segmentSize: wal.DefaultSegmentSize}
	for _, name := range more {
		p.archive.Listing = append(p.archive.Listing, wal.File{
			Path: name[:16] + "/" + name + "-" + sum + ".zst", Size: 100, Time: time.Unix(1, 0),
		})
	}
	p.archive.Archive = wal.NewArchive(p.archive.Listing, p.segmentSize)
	start, err := repository.Start(p.set, p.segmentSize)
	require.NoError(t, err)
	p.chain, err = p.archive.Archive.Follow(start, p.archive.History)
	require.NoError(t, err)
	return p
}

// What is broken lies before the last segment, or is the backup's own: recovery cannot do without it.
func TestSegmentToBreak(t *testing.T) {
	for name, c := range map[string]struct {
		stop string
		list []string
		want string
	}{
		"in the middle": {
			"000000010000000000000005", []string{
				"000000010000000000000005", "000000010000000000000006", "000000010000000000000007",
				"000000010000000000000008",
			}, "000000010000000000000006",
		},
		"only the backup's own": {
			"000000010000000000000005",
			[]string{"000000010000000000000005"},
			"000000010000000000000005",
		},
		"not the last": {
			"000000010000000000000005",
			[]string{"000000010000000000000005", "000000010000000000000006"},
			"000000010000000000000005",
		},
		"the last, where the backup ends in it": {
			"000000010000000000000006",
			[]string{"000000010000000000000005", "000000010000000000000006"},
			"000000010000000000000006",
		},
	} {
		got, err := segmentToBreak(planOver(t, c.stop, c.list...))
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got.Name, name)
	}
}

// A segment that another timeline has as well would be taken from there: hiding it breaks nothing.
func TestSegmentToBreak_NoneWithACopy(t *testing.T) {
	p := planOver(t, "000000010000000000000005", "000000010000000000000005", "000000010000000000000006")
	other := wal.Segment{Timeline: 2, Number: 5}
	p.archive.Entries[other] = []wal.Entry{{Segment: other, Name: "000000020000000000000005"}}
	_, err := segmentToBreak(p)
	requireReason(t, reason.NoTests, err, "")
	p.set.Archive.Start = ""
	_, err = segmentToBreak(p)
	assert.Error(t, err, "an offline set")
}

// A segment that the backup holds itself would be taken from there: hiding it breaks nothing either.
func TestArchiveAlone(t *testing.T) {
	p := planOver(t, "000000010000000000000005", "000000010000000000000005", "000000010000000000000006",
		"000000010000000000000007")
	own := map[wal.Segment]time.Time{{Timeline: 1, Number: 5}: {}, {Timeline: 1, Number: 9}: {}}
	assert.Len(t, archiveAlone(p.chain.Entries, nil), 3)
	p.chain.Entries = archiveAlone(p.chain.Entries, own)
	got, err := segmentToBreak(p)
	require.NoError(t, err)
	assert.Equal(t, "000000010000000000000006", got.Name)
}

func TestChoose(t *testing.T) {
	p := planOver(t, "000000010000000000000005", "000000010000000000000005", "000000010000000000000006")
	files := []wal.File{
		{Path: "backup.manifest", Size: 900},
		{Path: "backup.manifest.copy", Size: 900},
		{Path: "bundle/1", Size: 50},
		{Path: "bundle/2", Size: 60},
		{Path: "pg_data/a.zst", Size: 7},
	}
	got, err := choose(p, inArchive, files, true)
	require.NoError(t, err)
	at := inArchive + "/0000000100000000/000000010000000000000005-" + sum + ".zst"
	assert.Equal(t, chosen{
		segment: "000000010000000000000005",
		hidden:  view.Fault{Kind: view.Hidden, Path: at},
		flipped: view.Fault{Kind: view.Flipped, Path: at, At: 50},
		cut:     view.Fault{Kind: view.Cut, Path: "bundle/2", At: 30},
	}, got)
	_, err = choose(p, inArchive, files[:2], true)
	requireReason(t, reason.NoTests, err, "a set of manifests alone")
}

// A byte that nobody has to read proves nothing.
func TestByteToFlip(t *testing.T) {
	assert.EqualValues(t, 50, byteToFlip(wal.File{Path: "x-1.zst", Size: 100}, true))
	assert.Zero(t, byteToFlip(wal.File{Path: "x-1.zst", Size: 100}, false), "zst has no checksum")
	assert.Zero(t, byteToFlip(wal.File{Path: "x-1", Size: 100}, true), "unused space may be in the middle")
	assert.Zero(t, byteToFlip(wal.File{Path: "x-1", Size: 100}, false))
}

// A fault is found by its own reason, in its own step, by its own name, where it was met; anything else is not.
func TestFault_Judge(t *testing.T) {
	f := fault{shows: "recover", why: reason.WALCorrupt, names: "0005"}
	is := func(r reason.Reason, text string) error { return reason.Errorf(r, "%s", text) }
	in := func(step string, err error) ended { return ended{step: step, err: err} }
	for name, c := range map[string]struct {
		e    ended
		met  int
		want finding
	}{
		"found":                  {in("recover", is(reason.WALCorrupt, "segment 0005")), 1, faultFound},
		"no fault was seen":      {in("recover", is(reason.WALCorrupt, "segment 0005")), 0, faultMistaken},
		"another segment":        {in("recover", is(reason.WALCorrupt, "segment 0004")), 1, faultMistaken},
		"another reason":         {in("recover", is(reason.StartFailed, "segment 0005")), 1, faultMistaken},
		"another step":           {in("restore", is(reason.WALCorrupt, "segment 0005")), 1, faultMistaken},
		"let through":            {ended{step: "recover"}, 1, faultPassed},
		"let through, unseen":    {ended{step: "recover"}, 0, faultPassed},
		"the environment failed": {in("recover", is(reason.SandboxFailed, "0005")), 1, faultUnjudged},
		"stopped":                {in("recover", is(reason.Interrupted, "0005")), 1, faultUnjudged},
	} {
		assert.Equal(t, c.want, f.judge(c.e, c.met), name)
	}
	nameless := fault{shows: "restore", why: reason.RepoCorrupt}
	assert.Equal(t, faultFound, nameless.judge(in("restore", is(reason.RepoCorrupt, "cut")), 3))
}

// A repository that is broken anyway says nothing of the drill; what the environment did keeps its reason.
func TestNotJudged(t *testing.T) {
	require.NoError(t, notJudged(nil))
	err := notJudged(reason.Errorf(reason.WALMissing, "segment 5 is missing"))
	requireReason(t, reason.NoTests, err, "")
	assert.ErrorContains(t, err, "wal_missing")
	assert.ErrorContains(t, err, "segment 5 is missing")
	requireReason(t, reason.RepoUnreachable, notJudged(reason.Errorf(reason.RepoUnreachable, "gone")), "")
	unknown := errors.New("nobody knows")
	assert.Equal(t, unknown, notJudged(unknown))
}

// A control goes no further than its faults show, whatever a drill is asked for, and of the set it is asked for.
func TestCheap(t *testing.T) {
	asked := settings.Settings{
		Conf: "/c", Stanza: "s", Repo: 2, Set: "20260101-000000F", RTO: time.Minute, GetAsync: "on", Database: "d",
		Deep: []string{"amcheck"}, Compare: settings.CompareStandby, Standby: "host=s", Primary: "host=p", Keep: true,
		State: "/s", Suggest: "/x", RequireReadonly: true, Member: "@drill",
		Target: target.Target{Kind: target.LSN, LSN: "0/1"},
	}
	assert.Equal(t, settings.Settings{
		Conf: "/c", Stanza: "s", Repo: 2, Set: "20260101-000000F", RTO: time.Minute, GetAsync: "on", Database: "d",
		Compare: settings.CompareNone, Member: settings.ThisMember,
	}, cheap(asked))
	require.NoError(t, refuseControl(asked))
	requireReason(t, reason.ConfigInvalid, refuseControl(settings.Settings{Remote: "far"}), "")
	requireReason(t, reason.ConfigInvalid, refuseControl(settings.Settings{RepoTargetTime: time.Unix(1, 0)}), "")
}
