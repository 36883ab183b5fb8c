package node

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server uses the files it has open, and what the links in its data directory lead to; its own restore's does not
// count.
func TestUsedBy(t *testing.T) {
	dir := resolved(t)
	for _, path := range []string{"/c/pg_tblspc/", "/c/base/", "/ts/", "/wal/", "/proc/fd/"} {
		made(t, dir+path)
	}
	for link, to := range map[string]string{
		"/proc/cwd": dir + "/c", "/c/pg_tblspc/16384": dir + "/ts", "/c/pg_wal": "../wal", "/c/gone": dir + "/none",
		"/proc/fd/1": dir + "/ts/PG_15_202209061/5/1", "/proc/fd/2": "socket:[4711]",
	} {
		require.NoError(t, os.Symlink(to, dir+link))
	}
	uses := []string{dir + "/ts/PG_15_202209061/5/1", dir + "/wal", dir + "/ts"}
	assert.ElementsMatch(t, uses, usedBy(dir+"/proc", dir+"/other"))
	assert.Empty(t, usedBy(dir+"/proc", dir+"/c"))
	assert.Empty(t, usedBy(dir+"/none", dir+"/other"))
}
