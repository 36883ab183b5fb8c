package drill

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// A moment is handed to pgBackRest in UTC with its offset, to the microsecond; every target
// ends in a promotion.
func TestTargetOptions(t *testing.T) {
	paris := time.FixedZone("", 2*3600)
	moment := time.Date(2026, 8, 23, 5, 59, 30, 123456000, paris)
	assert.Equal(t, []string{"--type=default"}, targetOptions(target.Target{}))
	assert.Equal(t, []string{"--type=time", "--target=2026-08-23 03:59:30.123456+00", "--target-action=promote"},
		targetOptions(at(moment)))
	assert.Equal(t, []string{"--type=lsn", "--target=0/5000000", "--target-action=promote"},
		targetOptions(lsnTarget("0/5000000")))
	assert.Equal(t, []string{"--type=name", "--target=a b", "--target-action=promote"},
		targetOptions(target.Target{Kind: target.Name, Name: "a b"}))
	assert.Equal(t, []string{"--type=name", `--target=O''Brien\\2`, "--target-action=promote"},
		targetOptions(target.Target{Kind: target.Name, Name: `O'Brien\2`}))
}

// The age of data counts from where recovery found the end of the archive; with a target, from
// the moment that was wanted back.
func TestFoundEnd(t *testing.T) {
	done, commit, asked := noon, noon.Add(-time.Hour), noon.Add(time.Minute)
	log := postgres.Log{RedoDone: done}
	for name, c := range map[string]struct {
		to     target.Target
		log    postgres.Log
		commit *time.Time
		want   time.Time
	}{
		"the end of the archive":        {target.Target{}, log, &commit, done},
		"nothing was replayed":          {target.Target{}, postgres.Log{}, nil, asked},
		"a moment":                      {at(noon.Add(-time.Minute)), log, &commit, noon.Add(-time.Minute)},
		"a position":                    {lsnTarget("0/5000000"), log, &commit, commit},
		"a position without any commit": {lsnTarget("0/5000000"), log, nil, done},
	} {
		r := recovered{cluster: cluster{target: c.to}, answered: asked, end: end{log: c.log, commit: c.commit}}
		assert.Equal(t, c.want, r.foundEnd(), name)
	}
}

// leftPlan is of a set of the cluster before a stanza-upgrade, which ended an hour after noon.
func leftPlan(t *testing.T) (p plan) {
	t.Helper()
	p.set = listedBackup(t, "20260823-120000F", "full", time.Hour, "0/3000100")
	p.info.DB = []pgbackrest.Cluster{
		{ID: 1, RepoKey: 1, SystemID: 7, Version: "15"}, {ID: 2, RepoKey: 1, SystemID: 8, Version: "17"},
	}
	return p
}

// Nobody writes to a cluster that was left: its data is as old as what it committed last, and what a disaster of now
// would cost is not measured by it. A set of the present cluster is measured as ever.
func TestMeasureLoss_OfAClusterThatWasLeft(t *testing.T) {
	commit, found := noon.Add(90*time.Minute), noon.Add(48*time.Hour)
	r := recovered{}
	r.plan = leftPlan(t)
	r.end = end{commit: &commit, log: postgres.Log{RedoDone: found}}
	assert.Equal(t, commit, r.foundEnd())
	var heard recorder
	lost, err := r.measureLoss(t.Context(), suite.NewOut(&heard), nil, nil)
	require.NoError(t, err)
	assert.Zero(t, lost)
	assert.NotContains(t, heard.values, "metric.rpo_seconds")
	assert.Contains(t, heard.String(), "of a cluster before a stanza-upgrade")
	assert.Contains(t, lostBy(r.ready, found), "all of the present cluster (PostgreSQL 17)")

	r.end.commit = nil
	assert.Equal(t, noon.Add(time.Hour), r.foundEnd().UTC(), "the end of the set")

	r.plan.info.DB = r.plan.info.DB[:1]
	r.end.commit = &commit
	assert.Equal(t, found, r.foundEnd())
	lost, err = r.measureLoss(t.Context(), suite.NewOut(&heard), nil, nil)
	require.NoError(t, err)
	assert.Equal(t, found.Sub(commit), lost.age)
	assert.NotContains(t, lostBy(r.ready, found), "present cluster")
}

// What production archived last is compared with the archive of its own cluster alone. A cluster that the stanza was
// of before is no production of a set of now.
func TestComparable(t *testing.T) {
	before := leftPlan(t)
	now := before
	now.set.Database.ID = 2
	for name, c := range map[string]struct {
		plan plan
		id   string
		want bool
		why  reason.Reason
	}{
		"the cluster of the set":          {now, "8", true, ""},
		"nobody says which":               {now, "", true, ""},
		"the cluster before":              {now, "7", false, reason.ConfigInvalid},
		"a set of before":                 {before, "8", false, ""},
		"production is taken back to it":  {before, "7", false, ""},
		"no cluster is known of the repo": {plan{}, "7", true, ""},
	} {
		got, err := c.plan.comparable(suite.NewOut(&recorder{}), c.id)
		requireReason(t, c.why, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

// The newest moment that came back is published with a target too, for the map of the recovery window.
func TestMeasureLoss_SaysUpToWhen(t *testing.T) {
	commit := noon.Add(-90 * time.Second)
	for want, r := range map[string]recovered{
		"2026-08-23T11:58:30Z": {cluster: cluster{target: lsnTarget("0/5000000")}, end: end{commit: &commit}},
		"1970-01-01T00:00:00Z": {cluster: cluster{target: at(noon)}}, // the end of the set: nothing was committed since
	} {
		var heard recorder
		_, err := r.measureLoss(t.Context(), suite.NewOut(&heard), nil, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"label.recovered_to": want}, heard.values)
	}
}

// -target random becomes a position in the window and says how to have it again; the request
// stays what it was, and the part that was drilled is remembered.
func TestAtRandom(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	s := session.Session{Client: repository.Client{Repository: repository.Repository{Stanza: "demo"}}}
	s.Settings = settings.Settings{Seed: 7, State: state, Target: target.Target{Kind: target.Random}}
	sets := []target.Set{{Label: "20260823-020003F", Stop: 0x3000000, Chain: chainTo(9)}}
	var heard recorder
	label, a, err := atRandom(suite.NewOut(&heard), s, sets, segmentSize)
	require.NoError(t, err)
	assert.Equal(t, "20260823-020003F", label)
	assert.Equal(t, target.LSN, a.target.Kind)
	assert.Equal(t, target.Random, s.Settings.Target.Kind)
	assert.Contains(t, heard.String(), "again with -seed 7")
	_, again, err := atRandom(suite.NewOut(&recorder{}), s, sets, segmentSize)
	require.NoError(t, err)
	assert.Equal(t, a.target, again.target, "the same seed, window and memory")

	require.NoError(t, a.remember(s, true), "of a cluster that was left")
	last, err := target.Recall(state, "demo")
	require.NoError(t, err)
	assert.Empty(t, last)
	require.NoError(t, a.remember(s, false))
	last, err = target.Recall(state, "demo")
	require.NoError(t, err)
	assert.Contains(t, last, a.choice.Part.Key())

	_, _, err = atRandom(suite.NewOut(&recorder{}), s, nil, segmentSize)
	requireReason(t, reason.ConfigInvalid, err, "no window")
}

// Without a failover in the window there is nothing to recover to on both of its sides.
func TestAroundFailover(t *testing.T) {
	heard := suite.NewOut(&recorder{})
	_, _, err := aroundFailover(heard, []target.Set{{Label: "L", Stop: 0x3000000, Chain: chainTo(9)}}, segmentSize)
	requireReason(t, reason.ConfigInvalid, err, "no failover")
	over := chainTo(9)
	over.Target, over.Switches = 2, []wal.Switch{{Timeline: 1, At: 0x6000028}}
	label, a, err := aroundFailover(heard, []target.Set{{Label: "L", Stop: 0x3000000, Chain: over}}, segmentSize)
	require.NoError(t, err)
	assert.Equal(t, "L", label)
	assert.Less(t, lsn(a.target.LSN), wal.LSN(0x6000028))
	assert.Greater(t, lsn(a.second.LSN), wal.LSN(0x6000028))
	require.NoError(t, a.remember(session.Session{}, false), "nothing to remember")
}

// chainTo is an archive of one timeline from segment 2 to another.
func chainTo(last uint64) wal.Chain {
	chain := wal.Chain{Target: 1}
	for number := uint64(2); number <= last; number++ {
		chain.Entries = append(chain.Entries, wal.Entry{Segment: wal.Segment{Timeline: 1, Number: number}})
	}
	return chain
}
