package runner

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stanza that got another name is taken out of the textfile that both stand in, and no other.
func TestForgetAllBut(t *testing.T) {
	prom := filepath.Join(t.TempDir(), "drill.prom")
	for _, stanza := range []string{"old", "veza"} {
		args := append([]string{"-textfile", prom}, passes(t)...)
		args[len(args)-1] = stanzas(t, stanza)
		exit, said := among(nil, args...)
		require.Equal(t, 0, exit, said)
	}
	exit, said := among(nil, "-textfile", prom, "-forget-all-but", "veza,shop")
	require.Equal(t, 0, exit, said)
	assert.Equal(t, prom+" says nothing of stanza old any more\n", said)
	assert.NotContains(t, read(t, prom), `stanza="old"`)
	assert.Contains(t, read(t, prom), `stanza="veza"`)

	exit, said = among(nil, "-textfile", prom, "-forget-all-but", "veza")
	require.Equal(t, 0, exit, said)
	assert.Empty(t, said, "nothing changed")
}

func TestForgetAllBut_Refuses(t *testing.T) {
	for _, wrong := range [][]string{
		{"-forget-all-but", "veza"},
		{"-textfile", "x.prom", "-forget-all-but", "veza, shop"},
		{"-textfile", "x.prom", "-forget-all-but", ","},
		{"-textfile", "x.prom", "-forget-all-but", "veza", "-report", "r.json"},
		{"-textfile", "x.prom", "-forget-all-but", "veza", "--", "true"},
		{"-textfile", "/nowhere/x.prom", "-forget-all-but", "veza"},
	} {
		exit, said := among(nil, wrong...)
		assert.Equal(t, 2, exit, "%v: %s", wrong, said)
		assert.Contains(t, said, "-forget-all-but", "%v", wrong)
	}
}
