package backup

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

const (
	noRetention = "retention is not asked: it takes many backups, which only a seeded source is there for"
	noRPO       = "rpo is not asked: it writes a row on the primary, which takes -primary and -write"
	noPrimary   = "archive asks the repository alone: -primary names no primary to ask for its settings and failures"
)

// A seeded source is asked for everything; of an existing one nothing is asked that would
// take backups, or write without leave. What is not asked is named.
func TestChoose(t *testing.T) {
	most := []string{"policy", "stanza", "cadence", "archive", "encryption", "integrity"}
	for _, c := range []struct {
		name         string
		seeded       bool
		given        settings.Settings
		repos        []int
		asked, notes []string
	}{
		{"Seeded", true, settings.Settings{Repo: 1}, []int{1}, suite.Backup.StepNames(), nil},
		{"Existing", false, settings.Settings{Repo: 1}, []int{1}, most, []string{noRPO, noRetention, noPrimary}},
		{
			"WithPrimary", false,
			settings.Settings{Repo: 1, Primary: "host=pg1"},
			[]int{1},
			most,
			[]string{noRPO, noRetention},
		},
		{
			"MayWrite", false,
			settings.Settings{Repo: 1, Primary: "host=pg1", Write: true},
			[]int{1},
			[]string{"policy", "stanza", "cadence", "archive", "rpo", "encryption", "integrity"},
			[]string{noRetention},
		},
		{
			"OtherRepositories", true,
			settings.Settings{Repo: 2},
			[]int{1, 2, 4},
			suite.Backup.StepNames(),
			[]string{
				"repository 1 of the conf is not looked at: -repo 1 checks it",
				"repository 4 of the conf is not looked at: -repo 4 checks it",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			chosen, err := choose(c.seeded, c.given, c.repos, "")
			require.NoError(t, err)
			assert.Equal(t, c.asked, chosen.asked)
			assert.Equal(t, c.notes, chosen.notes)
		})
	}
}

// What the claims are is said in one place; the list of this package leaves out only what is
// optional there.
func TestChoose_LeavesOutOptionalClaimsAlone(t *testing.T) {
	for _, claim := range suite.Backup.Steps {
		assert.Equal(t, claim.Optional, notAsked(claim.Name, false, settings.Settings{}, "h") != "", claim.Name)
	}
}

// What must read the repository's files is left to the host they lie on, by its name.
func TestChoose_RepositoryHost(t *testing.T) {
	chosen, err := choose(false, settings.Settings{Repo: 2}, []int{2}, "backup.veza.fr")
	require.NoError(t, err)
	assert.Equal(t, []string{"policy", "stanza", "cadence", "archive"}, chosen.asked)
	assert.Contains(t, chosen.notes, "integrity is not asked: it reads the files of repository 2 where they lie, "+
		"on the repository host backup.veza.fr: run the backup checks there")
}

// What was chosen is asked and nothing else, also of the four that every repository is asked; what that leaves out is
// named.
func TestChoose_Claims(t *testing.T) {
	given := settings.Settings{Repo: 1, Claims: []string{"archive", "integrity"}}
	chosen, err := choose(false, given, []int{1}, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"archive", "integrity"}, chosen.asked)
	assert.Equal(t, []string{
		"left out by -claims, and so not proved by this run: policy, stanza, cadence, rpo, retention, encryption",
		noPrimary,
	}, chosen.notes)
}

// A claim that was chosen and cannot be asked here is said, each of them, instead of being left out in silence.
func TestChoose_ClaimsThatCannotBeAsked(t *testing.T) {
	given := settings.Settings{Repo: 1, Claims: []string{"archive", "rpo", "retention"}}
	_, err := choose(false, given, []int{1}, "")
	requireReason(t, reason.ConfigInvalid, err)
	require.ErrorContains(t, err, "-claims: rpo cannot be asked here: it writes a row on the primary")
	require.ErrorContains(t, err, "-claims: retention cannot be asked here")

	given.Claims = []string{"archive"} // nothing else is asked for, so nothing else is missed
	_, err = choose(false, given, []int{1}, "")
	require.NoError(t, err)
}

// The settings' list of names is the suite's, which settings does not know.
func TestClaims_OfTheSettingsAreThoseOfTheSuite(t *testing.T) {
	assert.Equal(t, suite.Backup.StepNames(), settings.Claims)
}
