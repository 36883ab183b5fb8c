package drill

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wal"
)

// backups are sets of one cluster, oldest first; the number of the segment that each begins and ends in.
func backups(t *testing.T, list ...string) (sets []pgbackrest.Backup) {
	t.Helper()
	for i, label := range list {
		b := pgbackrest.Backup{Label: label, Database: pgbackrest.Database{ID: 1, RepoKey: 1}}
		b.Type = map[byte]string{'F': "full", 'D': "diff", 'I': "incr"}[label[len(label)-1]]
		b.Archive.Start = wal.Segment{Timeline: 1, Number: uint64(2 + 2*i)}.Name(wal.DefaultSegmentSize)
		b.Archive.Stop = b.Archive.Start
		b.LSN = &struct {
			Start string `json:"start"`
			Stop  string `json:"stop"`
		}{Stop: (wal.LSN(2+2*i)*wal.LSN(wal.DefaultSegmentSize) + 0x100).String()}
		sets = append(sets, b)
	}
	return sets
}

// over is a plan for the last of some sets, over an archive of so many segments but those that are missing.
func over(sets []pgbackrest.Backup, missing ...int) plan {
	var files []wal.File
	for n := 1; n < 20; n++ {
		name := wal.Segment{Timeline: 1, Number: uint64(n)}.Name(wal.DefaultSegmentSize)
		files = append(files, wal.File{Path: name + "-" + strings.Repeat("a", 40), Size: 1})
		for _, hole := range missing {
			if n == hole {
				files = files[:len(files)-1]
			}
		}
	}
	p := plan{backups: sets, set: sets[len(sets)-1], segmentSize: wal.DefaultSegmentSize}
	p.archive = repository.Archive{Archive: wal.NewArchive(files, wal.DefaultSegmentSize)}
	return p
}

const (
	olderFull = "20261101-000000F"
	newerFull = "20261108-000000F"
	itsDiff   = newerFull + "_20261109-000000D"
	itsIncr   = newerFull + "_20261110-000000I"
)

// none is of sets that hold no segment themselves.
func none(plan) map[wal.Segment]time.Time { return nil }

// The full before the drilled set is taken: of a differential or incremental one that which it stands on.
func TestOtherSet(t *testing.T) {
	for drilled, list := range map[string][]string{
		newerFull: {olderFull, newerFull}, itsDiff: {olderFull, newerFull, itsDiff},
		itsIncr: {olderFull, newerFull, itsDiff, itsIncr},
	} {
		p := over(backups(t, list...))
		other, at, err := p.otherSet(policy.ArchiveRetention{}, none)
		require.NoError(t, err, drilled)
		want := newerFull
		if drilled == newerFull {
			want = olderFull
		}
		assert.Equal(t, want, other.set.Label, drilled)
		assert.Equal(t, lsn(p.set.LSN.Stop), at, "where the drilled set ends")
		assert.Equal(t, other.set.Archive.Start, other.chain.Entries[0].Name, "all WAL from the other one on")
		assert.Equal(t, drilled, p.set.Label, "the plan of the drill is as it was")
	}
}

// What can be no other set is passed over: one with page errors, one that was taken offline, one of another cluster.
func TestOtherSet_PassesOver(t *testing.T) {
	yes := true
	for name, change := range map[string]func(*pgbackrest.Backup){
		"page errors":     func(b *pgbackrest.Backup) { b.Error = &yes },
		"offline":         func(b *pgbackrest.Backup) { b.Archive.Start, b.Archive.Stop = "", "" },
		"another cluster": func(b *pgbackrest.Backup) { b.Database.ID = 2 },
	} {
		sets := backups(t, olderFull, newerFull, itsDiff)
		change(&sets[1])
		other, _, err := over(sets).otherSet(policy.ArchiveRetention{}, none)
		require.NoError(t, err, name)
		assert.Equal(t, olderFull, other.set.Label, name)
	}
}

func TestOtherSet_Refuses(t *testing.T) {
	_, _, err := over(backups(t, newerFull)).otherSet(policy.ArchiveRetention{}, none)
	requireReason(t, reason.ConfigInvalid, err, "no other set")
	require.ErrorContains(t, err, "no full backup before set "+newerFull)

	sets := backups(t, olderFull, newerFull)
	_, _, err = over(sets, 3).otherSet(policy.ArchiveRetention{}, none)
	requireReason(t, reason.ConfigInvalid, err, "a hole between them is no fault of the set that is drilled")
	require.ErrorContains(t, err, "000000010000000000000003 is missing")
	assert.NotContains(t, err.Error(), "expire leaves")
	_, _, err = over(sets, 3).otherSet(policy.ArchiveRetention{Backups: 1, Types: []string{"full"}, Said: "the option"},
		none)
	require.ErrorContains(t, err, "by the option expire leaves the archive whole from backup "+newerFull)

	sets[1].LSN = nil
	_, _, err = over(sets).otherSet(policy.ArchiveRetention{}, none)
	requireReason(t, reason.ConfigInvalid, err, "nobody knows where it ends")
}

func TestRefuseSets(t *testing.T) {
	for words, change := range map[string]func(*ready){
		"leave -target out":           func(r *ready) { r.plan.aim.target.Kind = target.Name },
		"leave -repo-target-time out": func(r *ready) { r.Settings.RepoTargetTime = noon },
		"was taken offline":           func(r *ready) { r.plan.set.Archive.Start, r.plan.set.Archive.Stop = "", "" },
		"needs PostgreSQL 14":         func(r *ready) { r.plan.info.DB[0].Version = "13" },
	} {
		r := asked()
		require.NoError(t, refuseSets(r))
		change(&r)
		err := refuseSets(r)
		requireReason(t, reason.ConfigInvalid, err, words)
		require.ErrorContains(t, err, words)
	}
}

// Without another set the drill goes on, and that nothing was compared is the error of the clean-up.
func TestBeginSets_NoOther(t *testing.T) {
	r := asked()
	r.Settings.Compare = settings.CompareSets
	r.plan = over(backups(t, newerFull))
	r.plan.info = asked().plan.info
	r.Client.Conf.Config = &pgbackrest.Config{}
	var heard recorder
	c, err := beginComparison(t.Context(), suite.NewOut(&heard), r)
	require.NoError(t, err)
	assert.False(t, c.goesOn())
	assert.Contains(t, heard.String(), "not compared with another set: -compare sets: there is no full backup before")
	done := recovered{}
	done.compared = c
	require.NoError(t, done.compareOther(t.Context(), suite.Out{}))
	counts := map[verify.Status]int{}
	require.NoError(t, done.judgeComparison(t.Context(), suite.NewOut(&heard), counts))
	assert.Equal(t, 1, counts[verify.LeftOut])
	requireReason(t, reason.ConfigInvalid, c.end(t.Context(), suite.Out{}), "the clean-up")
}

// comparedSets is a comparison of two sets whose halves are known.
func comparedSets() (*comparison, compare.Part) {
	id := compare.ID{Database: "app", OID: 20000}
	c := &comparison{sets: &bothSets{}}
	c.sets.other.set.Label = olderFull
	c.frozen.At, c.frozen.Side = 0x5000028, compare.NewSide()
	c.frozen.Side.Objects[id] = compare.Object{ID: id, Name: "public.users"}
	c.frozen.Side.Closed = []compare.LeftOut{{ID: compare.ID{Database: "template0"}, Why: "closed"}}
	return c, compare.Part{ID: id}
}

// A difference names both sets, and anything that was left out but a database that nobody can enter is no pass.
func TestJudgeComparison_Sets(t *testing.T) {
	c, part := comparedSets()
	r := recovered{}
	r.compared = c
	judged := func(result compare.Result) (map[verify.Status]int, error) {
		c.result = &result
		counts := map[verify.Status]int{}
		return counts, r.judgeComparison(t.Context(), suite.NewOut(&recorder{}), counts)
	}
	same := compare.Result{Relations: 1, Same: []compare.Part{part}, LeftOut: c.frozen.Side.Closed}
	counts, err := judged(same)
	require.NoError(t, err)
	assert.Equal(t, map[verify.Status]int{verify.Passed: 1}, counts)
	same.LeftOut = append(same.LeftOut, compare.LeftOut{ID: part.ID, Name: "public.users", Why: "its index has code"})
	counts, err = judged(same)
	require.NoError(t, err)
	assert.Equal(t, map[verify.Status]int{verify.LeftOut: 1}, counts)
	_, err = judged(compare.Result{Relations: 1, Different: []compare.Part{part}, Differences: []compare.Difference{
		{ID: part.ID, Name: "public.users", What: "4 rows"},
	}})
	requireReason(t, reason.DataDiffers, err, "a difference")
	require.ErrorContains(t, err, "1 of 1 relations are not what set "+olderFull+" has: public.users")
	assert.Equal(t, compare.Pair{One: "set x", Other: "set " + olderFull, Clones: true}, c.pair("x"))
	assert.NotEqual(t, c.memory("demo"), (&comparison{}).memory("demo"))
}

// What differs proves nothing where the disk of either clone ran full.
func TestFound_ADiskThatIsFull(t *testing.T) {
	full := reason.Errorf(reason.DiskSpace, "the disk of the sandbox ran full meanwhile")
	differs := func(part compare.Part) compare.Result {
		return compare.Result{Relations: 1, Different: []compare.Part{part}, Differences: []compare.Difference{
			{ID: part.ID, Name: "public.users", What: "4 rows"},
		}}
	}
	for name, c := range map[string]struct {
		first error
		log   string
		why   reason.Reason
	}{
		"neither":    {},
		"the first":  {first: full, why: reason.DiskSpace},
		"the second": {log: "2026-11-30 10:00:00.000 UTC [1] FATAL:  No space left on device\n", why: reason.DiskSpace},
	} {
		compared, part := comparedSets()
		compared.sets.full = c.first
		second := &postgres.Server{LogFile: "log", Host: &machine{files: map[string]string{"log": c.log}}}
		err := compared.found(t.Context(), differs(part), second)
		requireReason(t, c.why, err, name)
		assert.Equal(t, c.why == "", compared.result != nil, name)
		require.NoError(t, compared.found(t.Context(), compare.Result{Relations: 1}, second), name+": the same")
		assert.NotNil(t, compared.result, name)
	}
}

const enoughMemory = "/proc/meminfo:MemAvailable: 8388608 kB\n"

// On a machine of its own the second one's room is asked for as the first one's was.
func TestNoRoomBeside_Elsewhere(t *testing.T) {
	full, _ := twoSets(t)
	box := &machine{answers: map[string]answer{"grep": {stdout: enoughMemory}, "cat": {}}}
	for free, want := range map[int64]reason.Reason{2 << 20: "", 1000: reason.DiskSpace} {
		r := recovered{restored: restored{provisioned: on(box, full)}}
		r.Environment.Sandbox = func(settings.Settings) sandbox.Provider {
			return measurer{room: sandbox.Room{Free: free, Total: 2 << 20}}
		}
		why, err := r.noRoomBeside(t.Context(), suite.NewOut(&recorder{}), 1<<20)
		require.NoError(t, err)
		requireReason(t, want, why, "")
	}
}

// A second sandbox is made where disk and memory allow it; else the first one is emptied for it, unless it is kept.
func TestOtherPlace(t *testing.T) {
	full, _ := twoSets(t)
	for name, c := range map[string]struct {
		memory, disk string
		why          string
	}{
		"room":      {enoughMemory, "Avail\n99999999999\n", ""},
		"no memory": {"/proc/meminfo:MemAvailable: 1000 kB\n", "Avail\n99999999999\n", "MB of memory"},
		"no disk":   {enoughMemory, "Avail\n1000\n", "the restore needs"},
	} {
		box := &machine{answers: map[string]answer{
			"grep": {stdout: c.memory}, "cat": {}, "df": {stdout: c.disk},
		}}
		r := recovered{restored: restored{provisioned: on(box, full)}}
		r.Environment.Local = true
		why, err := r.noRoomBeside(t.Context(), suite.NewOut(&recorder{}), 1<<20)
		require.NoError(t, err, name)
		if c.why == "" {
			require.NoError(t, why, name)
			why, err = r.noRoomBeside(t.Context(), suite.NewOut(&recorder{}), math.MaxInt64)
			require.NoError(t, err)
			require.ErrorContains(t, why, "are free", "more than there is")
			continue
		}
		require.ErrorContains(t, why, c.why, name)
		r.compared = &comparison{sets: &bothSets{other: r.plan}}
		r.compared.sets.other.set.Info.Size = 1 << 20
		r.Settings.Keep = true
		_, _, err = r.otherPlace(t.Context(), suite.NewOut(&recorder{}))
		requireReason(t, reason.DiskSpace, err, name)
		require.ErrorContains(t, err, "-keep keeps the first sandbox")
	}
}

// A limit that the run's own first sandbox uses up is as good as a full disk: the first one is used, unless it is kept.
// Any other failure is the second sandbox's own.
func TestOtherPlace_Limit(t *testing.T) {
	full, _ := twoSets(t)
	limit := reason.Errorf(reason.SandboxFailed, "project drills: %w", sandbox.ErrLimit)
	broken := reason.Errorf(reason.SandboxFailed, "no such pool")
	for want, failed := range map[string]error{
		"is reached, and -keep keeps the first sandbox": limit, "no such pool": broken,
	} {
		box := &machine{answers: map[string]answer{"grep": {stdout: enoughMemory}, "cat": {}}}
		r := recovered{restored: restored{provisioned: on(box, full)}}
		r.Environment.Sandbox = func(settings.Settings) sandbox.Provider { return refusing{err: failed} }
		r.Client.Conf.Config = &pgbackrest.Config{}
		r.Settings.Keep = true
		r.compared = &comparison{sets: &bothSets{other: r.plan}}
		_, _, err := r.otherPlace(t.Context(), suite.NewOut(&recorder{}))
		requireReason(t, reason.SandboxFailed, err, want)
		require.ErrorContains(t, err, want)
		assert.Equal(t, errors.Is(failed, sandbox.ErrLimit), strings.Contains(err.Error(), "-keep"), want)
	}
	for err, want := range map[error]bool{
		limit: true, broken: false, nil: false, reason.Errorf(reason.DiskSpace, "full"): true,
	} {
		assert.Equal(t, want, crowded(err), "%v", err)
	}
}

// refusing is a provider that launches nothing.
type refusing struct {
	sandbox.Provider
	err error
}

func (r refusing) Launch(context.Context, sandbox.Spec) (sandbox.Sandbox, error) { return nil, r.err }
