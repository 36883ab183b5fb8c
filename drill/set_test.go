package drill

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// full and diff are two sets of one repository: the diff ended an hour after the full, at
// 0/5000000 where that ended at 0/3000000.
func twoSets(t *testing.T) (full, diff pgbackrest.Backup) {
	t.Helper()
	return listedBackup(t, "20260823-020003F", "full", 0, "0/3000000"),
		listedBackup(t, "20260823-020003F_20260823-030003D", "diff", time.Hour, "0/5000000")
}

// A set that is older than the newest good one, and was not named, tells nothing of backups that are missing.
func TestWanted_Older(t *testing.T) {
	full, diff := twoSets(t)
	good := []pgbackrest.Backup{full, diff}
	assert.True(t, wanted{set: settings.SetLatest}.older(good, full), "a target chose it")
	assert.True(t, wanted{set: settings.SetLatestDiff}.older([]pgbackrest.Backup{diff, full}, diff))
	assert.False(t, wanted{set: settings.SetLatest}.older(good, diff))
	assert.False(t, wanted{set: full.Label}.older(good, full), "whoever names a label drills an old set")
}

// The newest set is the one that is drilled without a label, and one that a label names counts though it is damaged.
func TestNewest(t *testing.T) {
	full, diff := twoSets(t)
	damaged := diff
	damaged.Error = new(true)
	for name, c := range map[string]struct {
		listed []pgbackrest.Backup
		chosen pgbackrest.Backup
		want   string
	}{
		"the newest is drilled":            {[]pgbackrest.Backup{full, diff}, diff, diff.Label},
		"an older one is drilled":          {[]pgbackrest.Backup{full, diff}, full, diff.Label},
		"the newest is damaged":            {[]pgbackrest.Backup{full, damaged}, full, full.Label},
		"the newest is damaged, and asked": {[]pgbackrest.Backup{full, damaged}, damaged, diff.Label},
	} {
		var heard recorder
		tellSet(suite.NewOut(&heard), c.listed, c.chosen)
		labels := map[string]string{}
		for key, value := range heard.values {
			labels[strings.TrimPrefix(key, suite.LabelPrefix)] = value
		}
		assert.Equal(t, map[string]string{
			suite.SetLabel: c.chosen.Label, "backup_type": c.chosen.Type, suite.NewestSetLabel: c.want,
		}, labels, name)
		assert.Equal(t, c.want != c.chosen.Label, suite.OlderSet(labels), name)
	}
	assert.False(t, suite.OlderSet(map[string]string{suite.SetLabel: full.Label}), "a release before names no newest")
}

// The newest good set is taken, a differential one when that is asked for, and a set that was
// taken of damaged pages never.
func TestChoose_TakesTheNewestGoodSet(t *testing.T) {
	full, diff := twoSets(t)
	for name, c := range map[string]struct {
		want      string
		good      []pgbackrest.Backup
		label     string
		otherwise reason.Reason
	}{
		"the newest":                   {settings.SetLatest, []pgbackrest.Backup{full, diff}, diff.Label, ""},
		"the newest good one":          {settings.SetLatest, []pgbackrest.Backup{full}, full.Label, ""},
		"the newest diff":              {settings.SetLatestDiff, []pgbackrest.Backup{full, diff, full}, diff.Label, ""},
		"no diff is there":             {settings.SetLatestDiff, []pgbackrest.Backup{full}, "", reason.NoBackup},
		"none is good":                 {settings.SetLatest, nil, "", reason.NoBackup},
		"by its label, damaged or not": {full.Label, nil, full.Label, ""},
		"a label that is not listed":   {"20200101-000000F", []pgbackrest.Backup{full}, "", reason.ConfigInvalid},
	} {
		set, err := wanted{set: c.want}.choose([]pgbackrest.Backup{full, diff}, c.good)
		assert.Equal(t, c.label, set.Label, name)
		requireReason(t, c.otherwise, err, name)
	}
}

// A set must have ended before the target, or recovery would stop at its end, after the
// target, and look right.
func TestChoose_ReachesTheTarget(t *testing.T) {
	full, diff := twoSets(t)
	early := at(full.Stopped().Add(-time.Second))
	both := []pgbackrest.Backup{full, diff}
	for name, c := range map[string]struct {
		want      string
		to        target.Target
		label     string
		otherwise reason.Reason
	}{
		"a moment after both":        {settings.SetLatest, at(diff.Stopped().Add(time.Second)), diff.Label, ""},
		"a moment between them":      {settings.SetLatest, at(diff.Stopped().Add(-time.Second)), full.Label, ""},
		"the very end of the diff":   {settings.SetLatest, at(diff.Stopped()), full.Label, ""},
		"a moment before both":       {settings.SetLatest, early, "", reason.ConfigInvalid},
		"a position between them":    {settings.SetLatest, lsnTarget("0/4000000"), full.Label, ""},
		"the position the diff ends": {settings.SetLatest, lsnTarget("0/5000000"), full.Label, ""},
		"a position before both":     {settings.SetLatest, lsnTarget("0/2000000"), "", reason.ConfigInvalid},
		"a restore point has no " +
			"place": {settings.SetLatest, target.Target{Kind: target.Name, Name: "p"}, diff.Label, ""},
		"a set that ended too late": {diff.Label, lsnTarget("0/4000000"), "", reason.ConfigInvalid},
	} {
		set, err := wanted{set: c.want, target: c.to}.choose(both, both)
		if c.otherwise == "" {
			assert.Equal(t, c.label, set.Label, name)
		}
		requireReason(t, c.otherwise, err, name)
	}
}

// A set of the cluster before a stanza-upgrade proves nothing about the present one: only who asks for it by
// its label or by a target gets it, and is told.
func TestPresentCluster(t *testing.T) {
	full, now := twoSets(t)
	full.Database, now.Database = pgbackrest.Database{ID: 1, RepoKey: 1}, pgbackrest.Database{ID: 2, RepoKey: 1}
	old := pgbackrest.Stanza{DB: []pgbackrest.Cluster{
		{ID: 1, RepoKey: 1, Version: "15"}, {ID: 2, RepoKey: 2, Version: "17"},
	}}
	random := target.Target{Kind: target.Random}
	upgraded := pgbackrest.Stanza{DB: append(old.DB, pgbackrest.Cluster{ID: 2, RepoKey: 1, SystemID: 8, Version: "15"})}
	for name, c := range map[string]struct {
		info      pgbackrest.Stanza
		want      wanted
		noted     bool
		otherwise reason.Reason
	}{
		"another repository's":     {old, wanted{set: settings.SetLatest}, false, ""},
		"the newest":               {upgraded, wanted{set: settings.SetLatest}, false, reason.NoBackup},
		"the newest diff":          {upgraded, wanted{set: settings.SetLatestDiff}, false, reason.NoBackup},
		"at random":                {upgraded, wanted{set: settings.SetLatest, target: random}, false, reason.NoBackup},
		"by its label":             {upgraded, wanted{set: full.Label}, true, ""},
		"by a moment it can reach": {upgraded, wanted{set: settings.SetLatest, target: at(full.Stopped())}, true, ""},
	} {
		var said recorder
		err := c.want.presentCluster(suite.NewOut(&said), c.info, []pgbackrest.Backup{full}, full)
		requireReason(t, c.otherwise, err, name)
		assert.Equal(t, c.noted, strings.Contains(said.String(), "nothing of the present cluster"), name)
		if err != nil {
			assert.ErrorContains(t, err, "take a full one now", name)
		}
	}
	err := wanted{set: settings.SetLatestDiff}.presentCluster(
		suite.NewOut(&recorder{}), upgraded, []pgbackrest.Backup{full, now}, full)
	requireReason(t, reason.NoBackup, err, "the newest diff, beside a full of now")
	assert.ErrorContains(t, err, "none of the present cluster fits -set latest-diff yet, it has "+now.Label)
}

// A set with page checksum errors is passed over, and said; one nobody checked is not.
func TestUsable(t *testing.T) {
	full, diff := twoSets(t)
	yes, no := true, false
	full.Error, diff.Error = &yes, &no
	unchecked, _ := twoSets(t)
	var said recorder
	good := usable(suite.NewOut(&said), []pgbackrest.Backup{full, diff, unchecked}, "2.45", settings.SetLatest)
	assert.Equal(t, []pgbackrest.Backup{diff, unchecked}, good)
	assert.Contains(t, said.String(), full.Label+" has page checksum errors")
	assert.Equal(t, []string{suite.NoteKey}, said.keys)
	assert.NotContains(t, said.String(), "--set")

	good = usable(suite.NewOut(&said), []pgbackrest.Backup{diff, full}, "2.60.0", settings.SetLatest)
	assert.Equal(t, []pgbackrest.Backup{diff}, good)
	assert.Contains(t, said.String(),
		"`pgbackrest restore` takes it, unless --set names another, and then ends at such a page")
	usable(suite.NewOut(&said), []pgbackrest.Backup{diff, full}, "2.59.3", settings.SetLatest)
	assert.Contains(t, said.String(), "takes it, unless --set names another\n")
}

// A damaged set that was asked for is not passed over, and veza-restore refuses it.
func TestUsable_Named(t *testing.T) {
	full, _ := twoSets(t)
	yes := true
	full.Error = &yes
	var said recorder
	assert.Empty(t, usable(suite.NewOut(&said), []pgbackrest.Backup{full}, "2.45", full.Label))
	assert.Contains(t, said.String(), "it is what -set asks for")
	assert.Contains(t, said.String(), "veza-restore refuses the set without -accept-loss")
	assert.NotContains(t, said.String(), "passed over")
}

// A set that ended more than a little in the future tells of a wrong clock.
func TestAgeOf(t *testing.T) {
	full, _ := twoSets(t)
	age, err := ageOf(full, full.Stopped().Add(time.Hour), false)
	require.NoError(t, err)
	assert.Equal(t, time.Hour, age)
	age, err = ageOf(full, full.Stopped().Add(-clocksApart), false)
	require.NoError(t, err)
	assert.Zero(t, age)
	late := full.Stopped().Add(-clocksApart - time.Second)
	_, err = ageOf(full, late, false)
	requireReason(t, reason.ClockSkew, err, "")
	age, err = ageOf(full, late, true)
	require.NoError(t, err, "of a repository of the past the store's clock speaks")
	assert.Zero(t, age)
}
