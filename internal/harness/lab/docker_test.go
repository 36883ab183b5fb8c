package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeIptables knows one chain when there is a file of its name, and keeps the rules of it there.
const fakeIptables = `#!/bin/bash
cd "${0%/*}"; shift 2
case $1 in
  --numeric) test -e "$3" ;;
  --check) grep -qxF -- "${*:3}" "$2" ;;
  --insert) echo "${*:3}" >>"$2" ;;
  --delete) grep -vxF -- "${*:3}" "$2" >new; mv new "$2" ;;
esac
`

// Beside Docker the nodes get one exception, once, and it goes with the lab; without
// Docker, or without iptables, there is nothing to do.
func TestBesideDocker(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "iptables"), []byte(fakeIptables), 0o755))
	require.NoError(t, besideDocker(t.Context()))
	require.NoError(t, withoutDocker(t.Context()))
	chain := filepath.Join(dir, dockerChain)
	assert.NoFileExists(t, chain, "no Docker here")

	require.NoError(t, os.WriteFile(chain, []byte("-j RETURN\n"), 0o600))
	for range 2 {
		require.NoError(t, besideDocker(t.Context()))
		assert.Equal(t, "-j RETURN\n-i vezalab0 -o vezalab0 -j ACCEPT\n", read(t, chain))
	}
	for range 2 {
		require.NoError(t, withoutDocker(t.Context()))
		assert.Equal(t, "-j RETURN\n", read(t, chain))
	}
	t.Setenv("PATH", t.TempDir())
	require.NoError(t, besideDocker(t.Context()))
}
