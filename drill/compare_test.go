package drill

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wal"
)

// asked is a drill of a whole set that is to be compared.
func asked() ready {
	of := pgbackrest.Database{ID: 1, RepoKey: 1}
	r := on(&machine{}, pgbackrest.Backup{Label: "20261129-000000F", Database: of}).ready
	r.plan.set.Archive.Start, r.plan.set.Archive.Stop = "000000010000000000000002", "000000010000000000000002"
	r.Settings.Compare = settings.CompareStandby
	return r
}

func TestBeginComparison_NothingIsAsked(t *testing.T) {
	r := asked()
	r.Settings.Compare = settings.CompareNone
	c, err := beginComparison(t.Context(), suite.Out{}, r)
	require.NoError(t, err)
	assert.Nil(t, c)
	require.NoError(t, recovered{}.judgeComparison(t.Context(), suite.Out{}, nil))
}

func TestStandbyConfig_Refuses(t *testing.T) {
	for words, change := range map[string]func(*ready){
		"leave -target out":              func(r *ready) { r.plan.aim.target.Kind = target.Name },
		"leave -repo-target-time out":    func(r *ready) { r.Settings.RepoTargetTime = noon },
		"was taken offline":              func(r *ready) { r.plan.set.Archive.Start, r.plan.set.Archive.Stop = "", "" },
		"name the standby with -standby": func(*ready) {},
	} {
		r := asked()
		change(&r)
		_, err := standbyConfig(r)
		requireReason(t, reason.ConfigInvalid, err, words)
		require.ErrorContains(t, err, words)
	}
	r := asked()
	r.Settings.Standby = "host=/nowhere user=veza_compare"
	config, err := standbyConfig(r)
	require.NoError(t, err)
	assert.Equal(t, "veza_compare", config.User)
}

// The standby of another cluster, or of another major version, is a mistake and no difference.
func TestSameCluster(t *testing.T) {
	p := asked().plan
	require.NoError(t, sameCluster(standby.Identity{SystemID: "7", Major: "15"}, p))
	requireReason(t, reason.ConfigInvalid, sameCluster(standby.Identity{SystemID: "8", Major: "15"}, p), "cluster")
	requireReason(t, reason.ConfigInvalid, sameCluster(standby.Identity{SystemID: "7", Major: "16"}, p), "major")
}

// A server of an older timeline has what the archive has up to the switch, and not beyond it.
func TestOnLine(t *testing.T) {
	chain := wal.Chain{Target: 4, Switches: []wal.Switch{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
	for _, c := range []struct {
		timeline uint32
		at       wal.LSN
		want     bool
	}{
		{1, 50, true},
		{1, 100, true},
		{1, 101, false},
		{2, 50, true},
		{2, 200, true},
		{2, 201, false},
		{4, 50, true},
		{4, 900, true},
		{3, 50, false},
		{3, 900, false},
		{5, 900, false},
	} {
		assert.Equal(t, c.want, onLine(chain, c.timeline, c.at), "%v", c)
	}
}

func TestSameMoment(t *testing.T) {
	later := noon.Add(time.Microsecond)
	assert.True(t, sameMoment(&noon, &noon))
	assert.False(t, sameMoment(&noon, &later))
	assert.False(t, sameMoment(nil, &noon))
	assert.False(t, sameMoment(nil, nil), "nobody knows")
}

// The rate of the replay is that of both halves.
func TestBefore_Whole(t *testing.T) {
	second := postgres.Log{Restored: []string{"b", "c"}, RedoStart: noon, RedoDone: noon.Add(time.Second)}
	var none *before
	assert.Equal(t, second, none.whole(second))
	first := &before{log: postgres.Log{Restored: []string{"a", "b"}}, replay: 3 * time.Second}
	whole := first.whole(second)
	assert.Equal(t, []string{"a", "b", "b", "c"}, whole.Restored)
	assert.Equal(t, 4*time.Second, whole.RedoDone.Sub(whole.RedoStart))
}

// What kept a standby from being asked is the error of the clean-up, once; what the drill itself cut off is none.
func TestComparison_End(t *testing.T) {
	c := &comparison{done: make(chan struct{}), cancel: func() {}, failed: errors.New("no")}
	close(c.done)
	requireReason(t, reason.StandbyUnusable, c.end(t.Context(), suite.Out{}), "failed")
	require.NoError(t, c.end(t.Context(), suite.Out{}))
	cut := &comparison{done: make(chan struct{}), failed: errors.New("cut off")}
	cut.cancel = func() { close(cut.done) }
	require.NoError(t, cut.end(t.Context(), suite.Out{}))
}

func TestJudgeComparison(t *testing.T) {
	id := compare.ID{Database: "app", OID: 20000}
	c := &comparison{frozen: standby.Frozen{At: 0x5000028, Side: compare.NewSide()}}
	c.frozen.Side.Objects[id] = compare.Object{ID: id, Name: "public.users"}
	part := compare.Part{ID: id}
	r := recovered{}
	r.compared = c
	judged := func(result *compare.Result) (map[verify.Status]int, error) {
		c.result = result
		counts := map[verify.Status]int{}
		return counts, r.judgeComparison(t.Context(), suite.NewOut(&recorder{}), counts)
	}
	counts, err := judged(nil)
	require.NoError(t, err)
	assert.Equal(t, 1, counts[verify.LeftOut])
	counts, err = judged(&compare.Result{Relations: 1, Same: []compare.Part{part}})
	require.NoError(t, err)
	assert.Equal(t, 1, counts[verify.Passed])
	counts, err = judged(&compare.Result{})
	require.NoError(t, err)
	assert.Equal(t, 1, counts[verify.LeftOut], "nothing was compared")
	same := []compare.Part{part}
	counts, err = judged(&compare.Result{Relations: 1, Same: same, Missing: 1})
	require.NoError(t, err)
	assert.Equal(t, map[verify.Status]int{verify.LeftOut: 1}, counts, "a part of it")
	c.frozen.Side.Databases = []string{"app", "other"}
	for database, want := range map[string]verify.Status{"other": verify.LeftOut, "closed on both": verify.Passed} {
		counts, err = judged(&compare.Result{Relations: 1, Same: same, LeftOut: []compare.LeftOut{
			{ID: compare.ID{Database: database}, Why: "the clone cannot list it"},
		}})
		require.NoError(t, err)
		assert.Equal(t, map[verify.Status]int{want: 1}, counts, database)
	}
	guarded := compare.LeftOut{ID: compare.ID{Database: "app", OID: 20001}, Name: "public.guarded"}
	for why, c := range map[string]struct {
		left compare.LeftOut
		want verify.Status
	}{
		"a right":    {compare.LeftOut{ID: guarded.ID, Name: guarded.Name, Denied: true}, verify.LeftOut},
		"a column":   {compare.LeftOut{ID: id, Name: "public.users"}, verify.LeftOut},
		"a sequence": {guarded, verify.LeftOut},
		"its code":   {compare.LeftOut{ID: guarded.ID, Name: guarded.Name, Code: true}, verify.Passed},
	} {
		c.left.Why = why
		counts, err = judged(&compare.Result{Relations: 1, Same: same, LeftOut: []compare.LeftOut{c.left}})
		require.NoError(t, err)
		assert.Equal(t, map[verify.Status]int{c.want: 1}, counts, why)
	}
	unlike := compare.Difference{ID: id, Name: "public.users", What: "5 rows in the standby, 0 in the clone"}
	counts, err = judged(&compare.Result{
		Relations: 1, Different: []compare.Part{part}, Differences: []compare.Difference{unlike},
	})
	requireReason(t, reason.DataDiffers, err, "a difference")
	require.ErrorContains(t, err,
		"at 0/5000028, 1 of 1 relations are not what the standby has: public.users in database app: 5 rows")
	assert.Equal(t, 1, counts[verify.Failed])

	r.Settings.State = t.TempDir() // it cannot be written
	r.Client.Stanza = "demo"
	_, err = judged(&compare.Result{
		Relations: 1, Different: []compare.Part{part}, Differences: []compare.Difference{unlike},
	})
	requireReason(t, reason.DataDiffers, err, "the data goes before the file of -state")
	_, err = judged(&compare.Result{Relations: 1, Same: same})
	requireReason(t, reason.ConfigInvalid, err, "the file of -state")
}
