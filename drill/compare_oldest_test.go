package drill

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
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

	_, _, err := r.rememberCompared(compare.Result{Same: parts[:1], Different: parts[1:2]})
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

// A run that compares nothing lets the oldest comparison grow older.
func TestStillOldest(t *testing.T) {
	said := &recorder{}
	c := &comparison{}
	c.stillOldest(suite.NewOut(said), noon)
	assert.Empty(t, said.values)
	c.ask.Last = map[string]time.Time{"a": noon.Add(-time.Hour), "b": noon.Add(-2 * time.Hour)}
	c.stillOldest(suite.NewOut(said), noon)
	assert.Equal(t, "7200", said.values["metric.compare_oldest_seconds"])
	c.listed = map[string]time.Time{"c": noon.Add(-3 * time.Hour)}
	c.stillOldest(suite.NewOut(said), noon)
	assert.Equal(t, "10800", said.values["metric.compare_oldest_seconds"], "what was never compared")
}

// comparedAgain is a run of three ranges, which knows what another one left in the file of -state, some hours later.
func comparedAgain(t *testing.T, path string, later time.Duration) (r recovered, parts []compare.Part) {
	t.Helper()
	id := compare.ID{Database: "app", OID: 20000}
	c := &comparison{frozen: standby.Frozen{Side: compare.NewSide()}}
	c.frozen.Side.Objects[id] = compare.Object{ID: id, Name: "public.users", Blocks: 3 * compare.PartBlocks}
	r.compared, r.Settings.State, r.Client.Stanza = c, path, "demo"
	c.recall(suite.NewOut(&recorder{}), r.ready)
	for _, moments := range []map[string]time.Time{c.ask.Last, c.listed} {
		for key, at := range moments {
			moments[key] = at.Add(-later)
		}
	}
	return r, compare.Parts(c.frozen.Side.Objects)
}

// One range that is left out each time, or a first round that takes months, keeps nobody from hearing how old the
// comparison is: what was never compared counts from when it was listed first, until it is compared.
func TestRememberCompared_WhatNeverWas(t *testing.T) {
	const week = 7 * 24 * time.Hour
	path := filepath.Join(t.TempDir(), "state.json")
	r, parts := comparedAgain(t, path, 0)
	_, known, err := r.rememberCompared(compare.Result{Same: parts[:2]})
	require.NoError(t, err)
	assert.False(t, known, "of the first run, which left one out")

	var oldest time.Duration
	for weeks := range 3 { // the others are compared each week
		r, parts = comparedAgain(t, path, week)
		oldest, known, err = r.rememberCompared(compare.Result{Same: parts[:2]})
		require.NoError(t, err)
		assert.True(t, known)
		assert.InDelta(t, time.Duration(weeks+1)*week, oldest, float64(time.Minute))
	}

	r, parts = comparedAgain(t, path, week)
	oldest, known, err = r.rememberCompared(compare.Result{Same: parts})
	require.NoError(t, err)
	assert.True(t, known)
	assert.Zero(t, oldest, "all was compared now")
	listed, err := target.RecallListed(path, "demo")
	require.NoError(t, err)
	assert.Empty(t, listed)
}

// A database that keeps the login out is one such, and hides the age of no other.
func TestRememberCompared_ADatabaseThatIsShut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for weeks := range 3 {
		r, parts := comparedAgain(t, path, 7*24*time.Hour)
		r.compared.frozen.Side.Blocks = map[string]int64{"app": 9, "large": 9}
		r.compared.frozen.Side.Databases = []string{"app"}
		oldest, known, err := r.rememberCompared(compare.Result{Same: parts})
		require.NoError(t, err)
		assert.Equal(t, weeks > 0, known)
		assert.InDelta(t, time.Duration(weeks)*7*24*time.Hour, oldest, float64(time.Minute))
	}
}

// Without -state nothing is remembered: what was never compared is not known to be any age.
func TestRememberCompared_WithoutState(t *testing.T) {
	for range 2 {
		r, parts := comparedAgain(t, "", 7*24*time.Hour)
		_, known, err := r.rememberCompared(compare.Result{Same: parts[:1]})
		require.NoError(t, err)
		assert.False(t, known)
		_, known, err = r.rememberCompared(compare.Result{Same: parts})
		require.NoError(t, err)
		assert.True(t, known)
	}
}
