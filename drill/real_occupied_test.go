package drill

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// What keeps pgBackRest from a place on this machine is said in our words: what it hints at would remove what is there,
// and what is denied there is nothing of the store's. What it says of the repository stays what it is.
func TestOccupied(t *testing.T) {
	const hint = "HINT: try using --delta if this is what you intended."
	for name, c := range map[string]struct {
		code  int
		lines []string
		says  string // "" is that it is another failure
	}{
		"a tablespace in use": {40, []string{
			"ERROR: [040]: unable to restore to path '/srv/ts/PG_17_202406281' because it contains files", hint,
		}, "/srv/ts/PG_17_202406281 is not empty, and the backup has files there: move what is there away"},
		"a file that a link leads to": {93, []string{
			"ERROR: [093]: unable to restore file '/etc/postgresql/pg_hba.conf' because it already exists", hint,
		}, "/etc/postgresql/pg_hba.conf is there, and the backup has it: move it away"},
		"somebody else's": {53, []string{
			"ERROR: [053]: unable to restore to path '/srv/ts/PG_15_202209061' not owned by current user",
		}, "/srv/ts/PG_15_202209061 does not belong to the user who runs PostgreSQL"},
		"not to be made": {47, []string{
			"ERROR: [047]: unable to create path '/srv/ts': [13] Permission denied",
		}, "/srv/ts cannot be made ([13] Permission denied), and the backup has files there: make it (install -d " +
			"-m 700 -o postgres /srv/ts)"},
		"root's, and empty": {47, []string{
			"ERROR: [047]: unable to create path '/srv/ts/PG_15_202209061': [13] Permission denied",
		}, "make it (install -d -m 700 -o postgres /srv/ts)"},
		"on a disk that only reads": {47, []string{
			"ERROR: [047]: unable to create path '/srv/ts': [30] Read-only file system",
		}, "/srv/ts cannot be made ([30] Read-only file system)"},
		"by a process of its own": {41, []string{
			"ERROR: [041]: raised from local-1 shim protocol: unable to open file '/srv/w/1.pgbackrest.tmp' for " +
				"write: [13] Permission denied",
		}, "/srv/w/1.pgbackrest.tmp cannot be written ([13] Permission denied)"},
		"below what root alone may enter": {98, []string{
			"ERROR: [098]: unable to get info for path/file '/root/ts/PG_15_202209061': [13] Permission denied",
		}, "/root/ts/PG_15_202209061 cannot be written ([13] Permission denied)"},

		"a server, or what a crash left of one": {38, []string{
			"ERROR: [038]: unable to restore while PostgreSQL is running",
			"HINT: presence of 'postmaster.pid' in '/srv/pg' indicates PostgreSQL is running.",
			"HINT: remove 'postmaster.pid' only if PostgreSQL is not running.",
		}, "postmaster.pid is in /srv/pg: a server works there, or one that was killed has left it: stop it, or move " +
			"that file away where none runs (nor in another container, or on another machine"},

		"a file of the repository": {41, []string{
			"ERROR: [041]: unable to open file '/repo/backup/demo/20260823-020003F/pg_data/x.gz' for read: " +
				"[13] Permission denied",
		}, ""},
		"the store refuses": {39, []string{"ERROR: [039]: HTTP request failed with 403 (Forbidden):"}, ""},
		"the disk is full": {47, []string{
			"ERROR: [047]: unable to create path '/srv/ts': [28] No space left on device",
		}, ""},
		"damage":  {98, []string{"ERROR: [098]: unable to load info file"}, ""},
		"missing": {55, nil, ""},
	} {
		failed := error(&pgbackrest.Error{Command: "restore", Code: c.code, Lines: c.lines})
		if why, known := pgbackrest.Classify(c.code, strings.Join(c.lines, "\n")); known {
			failed = &reason.Error{Reason: why, Err: failed}
		}
		require.NoError(t, (*nodeRestore)(nil).occupied(failed), "%s: a drill's own directory is no such thing", name)
		err := (&nodeRestore{}).occupied(failed)
		if c.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
		assert.NotContains(t, err.Error(), "--delta", name)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, name)
	}
	require.NoError(t, (&nodeRestore{}).occupied(errors.New("broken")))
}

// Another owner helps where the kernel denied it, and nowhere else; a device that fails is nothing that was asked for.
func TestOccupied_Advice(t *testing.T) {
	const (
		path   = "unable to create path '/srv/ts': "
		file   = "unable to open file '/srv/ts/1' for write: "
		info   = "unable to get info for path/file '/srv/ts/1': "
		absent = "/srv/ts cannot be made (%s), and the backup has files there"
		shut   = "/srv/ts/1 cannot be written (%s), and it is in the backup"
	)
	for kernel, c := range map[string]struct {
		advised bool
		why     reason.Reason
	}{
		"[13] Permission denied":       {true, reason.ConfigInvalid},
		"[1] Operation not permitted":  {true, reason.ConfigInvalid},
		"[30] Read-only file system":   {false, reason.ConfigInvalid},
		"[24] Too many open files":     {false, reason.ConfigInvalid},
		"[17] File exists":             {false, reason.ConfigInvalid},
		"[5] Input/output error":       {false, reason.SandboxFailed},
		"[116] Stale file handle":      {false, reason.ConfigInvalid},
		"[36] File name too long":      {false, reason.ConfigInvalid},
		"[40] Too many symbolic links": {false, reason.ConfigInvalid},
	} {
		for _, said := range []struct {
			code              int
			words, is, advice string
		}{
			{47, path, absent, ": make it (install -d -m 700 -o postgres /srv/ts)"},
			{41, file, shut, ": give what it lies in to the user who runs PostgreSQL (postgres)"},
			{98, info, shut, ": give what it lies in to the user who runs PostgreSQL (postgres)"},
		} {
			want := fmt.Sprintf(said.is, kernel)
			if c.advised {
				want += said.advice
			}
			err := (&nodeRestore{}).occupied(&pgbackrest.Error{
				Command: "restore", Code: said.code, Lines: []string{"ERROR: [0]: " + said.words + kernel},
			})
			require.EqualError(t, err, want)
			why, _ := reason.Of(err)
			assert.Equal(t, c.why, why, kernel)
		}
	}
}
