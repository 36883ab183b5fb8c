package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Names come in the order they are asked in, whatever the order they were typed in.
func TestClaims(t *testing.T) {
	for value, want := range map[string][]string{
		"all": nil, "integrity,archive": {"archive", "integrity"}, "rpo": {"rpo"},
	} {
		claims, err := parseClaims(value)
		require.NoError(t, err, value)
		assert.Equal(t, want, claims, value)
	}
}

// A name that is none is refused with those there are: a slip must not leave a claim out.
func TestClaims_Refused(t *testing.T) {
	for value, says := range map[string]string{
		"archve":          `"archve" is no claim: all, or names by commas of policy, stanza,`,
		"archive,":        `"" is no claim`,
		"all,archive":     `"all" is no claim`,
		"Archive":         `"Archive" is no claim`,
		"archive,archive": "names archive twice",
	} {
		_, err := parseClaims(value)
		require.ErrorContains(t, err, says, value)
	}
}
