package sandbox_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// A stanza has one file name, which holds nothing a path or a shell would read, and leads back to it.
func TestFileName_ThereAndBack(t *testing.T) {
	seen := map[string]string{}
	for _, stanza := range []string{"main", "main-2", "a/b", "a%2Fb", "../etc", "..", "é", "a b", "~$&+=:@*?[]'\"\n"} {
		name, err := sandbox.FileName(stanza)
		require.NoError(t, err)
		assert.Regexp(t, `^[A-Za-z0-9._%-]+$`, name)
		assert.NotContains(t, seen, name)
		seen[name] = stanza
		back, ok := sandbox.StanzaOf(name)
		assert.True(t, ok)
		assert.Equal(t, stanza, back)
	}
}

// A name that cannot stand in a file name is refused, never cut.
func TestFileName_Refused(t *testing.T) {
	for _, stanza := range []string{"", strings.Repeat("x", 201), strings.Repeat("é", 34)} {
		_, err := sandbox.FileName(stanza)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why)
	}
	for _, name := range []string{"%zz", "%2f", "a/b", ""} {
		_, ok := sandbox.StanzaOf(name)
		assert.False(t, ok, name)
	}
}
