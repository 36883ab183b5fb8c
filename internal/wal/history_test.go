package wal

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseHistory_ReadsOnePostgreSQLWrote(t *testing.T) {
	content, err := os.ReadFile("../../fixtures/pgbackrest/00000002.history")
	require.NoError(t, err)
	switches, err := ParseHistory(string(content))
	require.NoError(t, err)
	require.Len(t, switches, 1)
	assert.EqualValues(t, 1, switches[0].Timeline)
	assert.NotZero(t, switches[0].At)
}

func TestParseHistory_PositionsMayGoBack(t *testing.T) {
	// Recorded: timeline 2 had no segment yet when recovery ended on it.
	switches, err := ParseHistory(
		"1\t0/F0000A0\tno recovery target specified\n\n2\t0/F000000\tno recovery target specified\n",
	)
	require.NoError(t, err)
	assert.Len(t, switches, 2)
}

func TestParseHistory_RefusesDamage(t *testing.T) {
	for name, content := range map[string]string{
		"empty":        "",
		"no switch":    "1\n",
		"bad position": "1\t0-7000028\tx\n",
		"not growing":  "2\t0/1\tx\n1\t0/2\tx\n",
		"timeline 0":   "0\t0/1\tx\n",
		"binary":       "\x00\xff\x10",
	} {
		_, err := ParseHistory(content)
		assert.Error(t, err, name)
	}
}

func FuzzParseHistory(f *testing.F) {
	f.Add("1\t0/7000028\tno recovery target specified\n")
	f.Add("# comment\n1\t0/1\n")
	f.Fuzz(func(t *testing.T, content string) {
		switches, err := ParseHistory(content)
		if err == nil {
			assert.NotEmpty(t, switches)
		}
	})
}
