package backup

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
)

// Five fulls are one more than the policy keeps, nine diffs and fulls in a row more than the
// diffs it keeps.
func TestKeepsExactly(t *testing.T) {
	taken := of("1F", "2D", "3F", "4D", "5F", "6D", "7F", "8D", "9F")
	taken[1].Prior, taken[3].Prior = &taken[0].Label, &taken[2].Label
	taken[5].Prior, taken[7].Prior = &taken[4].Label, &taken[6].Label
	kept := []string{"3F", "4D", "5F", "6D", "7F", "8D", "9F"}
	require.NoError(t, keepsExactly(taken, kept))
	for says, listed := range map[string][]string{
		"gone although it keeps them: 3F, 4D; there although it does not: none": kept[2:],
		"gone although it keeps them: none; there although it does not: 1F, 2D": labels(taken),
		"gone although it keeps them: 3F; there although it does not: 1F":       append([]string{"1F"}, kept[1:]...),
	} {
		err := keepsExactly(taken, listed)
		requireReason(t, reason.RetentionWrong, err)
		assert.ErrorContains(t, err, says)
	}
}

// With what a seeded repository begins with, the series goes beyond the policy in both kinds:
// expire has to take the oldest full with its diff, and a diff alone.
func TestSeries_IsMoreThanThePolicyKeeps(t *testing.T) {
	var names []string
	for i, kind := range append([]string{"full", "diff"}, series...) {
		names = append(names, string(rune('a'+i))+map[string]string{"full": "F", "diff": "D"}[kind])
	}
	taken := of(names...)
	for i, full := 0, ""; i < len(taken); i++ {
		if on := full; taken[i].Type == "diff" {
			taken[i].Prior = &on
		} else {
			full = taken[i].Label
		}
	}
	require.Equal(t, []string{"aF", "bD", "cF", "dD", "eF", "fD", "gF", "hD", "iF", "jD", "kD"}, names)
	kept := policy.Keep(taken, policy.Fulls, policy.Diffs)
	assert.Equal(t, []string{"cF", "eF", "fD", "gF", "hD", "iF", "jD", "kD"}, kept)
}

func TestIsListed(t *testing.T) {
	require.NoError(t, isListed(of("1F")[0], "full"))
	err := isListed(of("1F")[0], "diff")
	requireReason(t, reason.RetentionWrong, err)
	assert.ErrorContains(t, err, "a diff backup was taken, and the newest one that is listed is 1F")
}
