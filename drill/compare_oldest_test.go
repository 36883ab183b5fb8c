package drill

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// What differed comes first the next time, and is not the same because its turn is not soon.
func TestRememberCompared_ForgetsWhatDiffers(t *testing.T) {
	id := compare.ID{Database: "app", OID: 20000}
	r := recovered{}
	r.compared = &comparison{frozen: standby.Frozen{Side: compare.NewSide()}}
	r.compared.frozen.Side.Objects[id] = compare.Object{ID: id, Name: "public.users", Blocks: 3 * compare.PartBlocks}
	parts := compare.Parts(r.compared.frozen.Side.Objects)
	require.Len(t, parts, 3)
	long := time.Now().Add(-time.Hour)
	r.compared.ask.Last = map[string]time.Time{parts[1].Key(): long, parts[2].Key(): long}
	r.Settings.State = filepath.Join(t.TempDir(), "state.json")
	r.Client.Stanza = "demo"

	_, err := r.rememberCompared(compare.Result{Same: parts[:1], Different: parts[1:2]})
	require.NoError(t, err)
	listed, err := target.RecallListed(r.Settings.State, "demo")
	require.NoError(t, err)
	assert.Len(t, listed, 1, "a part that differs was never the same")
	assert.WithinDuration(t, time.Now(), listed[parts[1].Key()], time.Minute)
	last, err := target.RecallCompared(r.Settings.State, "demo")
	require.NoError(t, err)
	assert.Len(t, last, 2)
	assert.WithinDuration(t, time.Now(), last[parts[0].Key()], time.Minute)
	assert.WithinDuration(t, long, last[parts[2].Key()], time.Second)
	compare.Order(parts, last)
	assert.EqualValues(t, compare.PartBlocks, parts[0].First)
}

// A table that is never compared, since its expressions would run code of the data, is not waited for; one that was
// left out for another reason is.
func TestRememberCompared_WhatIsNeverCompared(t *testing.T) {
	coded, locked := compare.ID{Database: "app", OID: 20000}, compare.ID{Database: "app", OID: 20001}
	r := recovered{}
	r.compared = &comparison{frozen: standby.Frozen{Side: compare.NewSide()}}
	for _, id := range []compare.ID{coded, locked} {
		r.compared.frozen.Side.Objects[id] = compare.Object{ID: id, Name: "public.some", Blocks: 1}
	}
	long := time.Now().Add(-50 * 24 * time.Hour)
	key := func(id compare.ID) string { return compare.Part{ID: id}.Key() }
	left := []compare.LeftOut{{ID: coded, Code: true}}
	for name, c := range map[string]struct {
		last, listed map[string]time.Time
		left         []compare.LeftOut
		waits        bool
	}{
		"compared before":      {map[string]time.Time{key(coded): long}, nil, left, false},
		"never compared":       {nil, map[string]time.Time{key(coded): long}, left, false},
		"beside a locked one":  {nil, map[string]time.Time{key(locked): long}, left, true},
		"left out for a while": {map[string]time.Time{key(coded): long}, nil, []compare.LeftOut{{ID: coded}}, true},
	} {
		r.compared.ask.Last, r.compared.listed = c.last, c.listed
		waited, err := r.rememberCompared(compare.Result{LeftOut: c.left})
		require.NoError(t, err, name)
		assert.Equal(t, c.waits, waited.longest > 24*time.Hour, name)
	}
}

// A run that compares nothing lets the oldest comparison grow older.
func TestSayStill(t *testing.T) {
	said := &recorder{}
	c := &comparison{}
	c.sayStill(suite.NewOut(said), noon)
	assert.Empty(t, said.values)
	c.ask.Last = map[string]time.Time{"a": noon.Add(-time.Hour), "b": noon.Add(-2 * time.Hour)}
	c.sayStill(suite.NewOut(said), noon)
	assert.Equal(t, "7200", said.values["metric.compare_oldest_seconds"])
	assert.Equal(t, "7200", said.values["metric.compare_waiting_seconds"])
	c.listed = map[string]time.Time{"c": noon.Add(-3 * time.Hour)}
	said = &recorder{}
	c.sayStill(suite.NewOut(said), noon)
	assert.Equal(t, "10800", said.values["metric.compare_waiting_seconds"], "what was never compared")
	assert.NotContains(t, said.values, "metric.compare_oldest_seconds", "of that there is no comparison")
}

const week = 7 * 24 * time.Hour

// comparedAgain is a run of three ranges, which knows what another one left in the file of -state, a week later.
func comparedAgain(t *testing.T, path string) (r recovered, parts []compare.Part) {
	t.Helper()
	id := compare.ID{Database: "app", OID: 20000}
	c := &comparison{frozen: standby.Frozen{Side: compare.NewSide()}}
	c.frozen.Side.Objects[id] = compare.Object{ID: id, Name: "public.users", Blocks: 3 * compare.PartBlocks}
	r.compared, r.Settings.State, r.Client.Stanza = c, path, "demo"
	c.recall(suite.NewOut(&recorder{}), r.ready)
	for _, moments := range []map[string]time.Time{c.ask.Last, c.listed} {
		for key, at := range moments {
			moments[key] = at.Add(-week)
		}
	}
	return r, compare.Parts(c.frozen.Side.Objects)
}

// What was compared of another cluster, whose tables may have the same numbers, says nothing; a drill of a cluster that
// was left keeps the memory of the present one.
func TestRememberCompared_OfAnotherCluster(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	run := func(ids ...uint64) (known int) {
		r, parts := comparedAgain(t, path)
		for i, id := range ids {
			r.plan.info.DB = append(r.plan.info.DB, pgbackrest.Cluster{ID: i + 1, SystemID: id})
		}
		r.plan.set.Database.ID = 1
		r.compared.ask.Last = nil
		r.compared.recall(suite.NewOut(&recorder{}), r.ready)
		known = len(r.compared.ask.Last)
		_, err := r.rememberCompared(compare.Result{Same: parts})
		require.NoError(t, err)
		return known
	}
	assert.Zero(t, run(7))
	assert.Equal(t, 3, run(7), "the same cluster")
	assert.Zero(t, run(7, 8), "a set of a cluster that was left")
	assert.Equal(t, 3, run(7), "which changed nothing")
	assert.Zero(t, run(8), "another cluster")
	assert.Equal(t, 3, run(8))
	require.NoError(t, target.RememberCluster(path, "demo", ""))
	assert.Equal(t, 3, run(8), "nothing says of which cluster")
}

// One range that is left out each time, or a first round that takes months, keeps nobody from hearing how long it has
// waited: what was never compared counts from when it was listed first, until it is compared.
func TestRememberCompared_WhatNeverWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for weeks := range 4 { // the others are compared each week
		r, parts := comparedAgain(t, path)
		w, err := r.rememberCompared(compare.Result{Same: parts[:2]})
		require.NoError(t, err)
		assert.True(t, w.from)
		assert.True(t, w.never)
		assert.InDelta(t, time.Duration(weeks)*week, w.longest, float64(time.Minute))
	}
	r, parts := comparedAgain(t, path)
	w, err := r.rememberCompared(compare.Result{Same: parts})
	require.NoError(t, err)
	assert.Equal(t, waits{from: true}, w, "all was compared now")
	listed, err := target.RecallListed(path, "demo")
	require.NoError(t, err)
	assert.Empty(t, listed)
}

// A database that keeps the login out is one such, and hides the age of no other.
func TestRememberCompared_ADatabaseThatIsShut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for weeks := range 3 {
		r, parts := comparedAgain(t, path)
		r.compared.frozen.Side.Blocks = map[string]int64{"app": 9, "large": 9}
		r.compared.frozen.Side.Databases = []string{"app"}
		w, err := r.rememberCompared(compare.Result{Same: parts})
		require.NoError(t, err)
		assert.True(t, w.never)
		assert.InDelta(t, time.Duration(weeks)*week, w.longest, float64(time.Minute))
	}
}

// Without -state nothing is remembered: how long what was left out has waited is not known.
func TestRememberCompared_WithoutState(t *testing.T) {
	for range 2 {
		r, parts := comparedAgain(t, "")
		w, err := r.rememberCompared(compare.Result{Same: parts[:1]})
		require.NoError(t, err)
		assert.Equal(t, waits{never: true}, w)
		w, err = r.rememberCompared(compare.Result{Same: parts})
		require.NoError(t, err)
		assert.Equal(t, waits{}, w)
	}
}

// The oldest comparison is not said while one is missing; how long it is missing is said where it is known.
func TestWaits_Say(t *testing.T) {
	for _, c := range []struct {
		w    waits
		said []string
	}{
		{waits{}, []string{"metric.compare_oldest_seconds"}},
		{waits{never: true}, nil},
		{waits{from: true}, []string{"metric.compare_oldest_seconds", "metric.compare_waiting_seconds"}},
		{waits{from: true, never: true}, []string{"metric.compare_waiting_seconds"}},
	} {
		said := &recorder{}
		c.w.say(suite.NewOut(said))
		assert.Len(t, said.values, len(c.said), "%+v", c.w)
		for _, name := range c.said {
			assert.Contains(t, said.values, name, "%+v", c.w)
		}
	}
}
