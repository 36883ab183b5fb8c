package pgbackrest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// What the disk of the machine itself failed is told from what the repository's did, by the place and by the kernel's
// word at the end. Names of a backup are neither: they stand between quotation marks.
func TestOwn(t *testing.T) {
	const (
		failed = "sandbox_failed"
		denied = "the modes that were restored"
		no     = ""
		get    = "ERROR: [042]: unable to get 000000010000000000000001: repo1: 15-1/0000000100000000/0000-f342.gz "
	)
	for line, want := range map[string]string{
		"ERROR: [041]: unable to open file '/box/data/base/1/1259' for write: [30] Read-only file system": failed,
		"ERROR: [041]: raised from local-1 protocol: unable to open file '/box/ts/1/2' for write: [5] Input/output " +
			"error": failed,
		"ERROR: [041]: raised from local-2 shim protocol: unable to open file '/box/data/1' for write: [24] Too many " +
			"open files": failed,
		"ERROR: [047]: unable to create path '/box/spool/archive': [30] Read-only file system":                 failed,
		"ERROR: [041]: unable to get info for path/file '/box/data': [117] Structure needs cleaning":           failed,
		"ERROR: [042]: unable to read '/box/data/PG_VERSION': [5] Input/output error":                          failed,
		"ERROR: [064]: unable to write '/box/data/base/1/1': [5] Input/output error":                           failed,
		"ERROR: [050]: unable to acquire lock on file '/box/lock/demo.lock': Read-only file system":            failed,
		"ERROR: [072]: unable to move '/box/data/a.tmp' to '/box/data/a': [5] Input/output error":              failed,
		get + "[FileOpenError] unable to open file '/box/data/pg_wal/X' for write: [30] Read-only file system": failed,
		"ERROR: [100]: unable to create error pipe: [24] Too many open files":                                  failed,
		"ERROR: [041]: unable to open file '/repo/x' for read: [23] Too many open files in system":             failed,

		"ERROR: [041]: unable to open file '/box/data/odd/f' for write: [13] Permission denied":            denied,
		get + "[FileOpenError] unable to open file '/box/data/pg_wal/X' for write: [13] Permission denied": denied,
		"ERROR: [041]: unable to open file '/repo/backup/x' for read: [5] Input/output error":              no,
		"ERROR: [042]: unable to read '/repo/backup/x': [5] Input/output error":                            no,
		get + "[FileReadError] unable to read '/repo/archive/x': [5] Input/output error":                   no,
		"ERROR: [053]: unable to list file info for path '/repo': [13] Permission denied":                  no,
		"ERROR: [041]: unable to open file '/boxes/data/1' for write: [30] Read-only file system":          no,
		"ERROR: [041]: unable to open file '/box/database/1' for write: [30] Read-only file system":        no,
		"ERROR: [041]: unable to open file '/box/data/../../repo/1' for read: [5] Input/output error":      no,
		"ERROR: [064]: unable to write '/box/data/base/1/1': [28] No space left on device":                 no,
		"ERROR: [047]: unable to create path '/box/data/x': [20] Not a directory":                          no,
		"ERROR: [055]: unable to open missing file '/box/data/x' for read":                                 no,
		"ERROR: [041]: raised from remote-0 ssh protocol on 'repo': unable to open file '/box/data/x' for read: " +
			"[5] Input/output error": no,
		"WARN: unable to open file '/box/data/base/1/1259' for write: [30] Read-only file system": no,

		"ERROR: [055]: unable to open missing file '/box/data/x': [5] Input/output error' for read":           no,
		"ERROR: [047]: unable to create path '/box/data/x': [5] Input/output error': [36] File name too long": no,
		"ERROR: [029]: error restoring '/box/data/x': [5] Input/output error': actual checksum 'a'":           no,
		"ERROR: [041]: unable to open file '/repo/unable to open file '/box/data/x' for read: [5] Input/output " +
			"error": no,
	} {
		why, own := Own(line, []string{"/box/data", "", "/box/lock", "/box/spool", "/box/ts"})
		got := string(why)
		if own && why == "" {
			got = denied
		}
		assert.Equal(t, want, got, line)
		assert.Equal(t, want != no, own, line)
	}
}

// saying is a host on which every command fails with the same words.
type saying struct {
	host.Host
	code int
	says string
}

func (s saying) Run(_ context.Context, c host.Command) (host.Result, error) {
	result := host.Result{Stderr: []byte(s.says)}
	return result, &host.ExitError{Argv: c.Argv, Code: s.code, Result: result}
}

// What a command says of its own machine is no word on the repository, however pgBackRest numbers it.
func TestRestore_TheMachinesOwnDisk(t *testing.T) {
	const again = "\n       [FileOpenError] on retry after 0ms"
	for says, want := range map[string]reason.Reason{
		"unable to open file '/box/data/1' for write: [30] Read-only file system": reason.SandboxFailed,
		"unable to open file '/box/ts/1' for write: [5] Input/output error":       reason.SandboxFailed,
		"unable to open file '/box/ts/1' for write: [13] Permission denied":       "",
		"unable to open file '/repo/1' for read: [13] Permission denied":          reason.RepoDenied,
		"unable to open file '/repo/1' for read: [5] Input/output error":          "",
		"unable to open file '/box/ts/1' for write: [28] No space left on device": reason.DiskSpace,
	} {
		c := &Client{Host: saying{code: 41, says: "WARN: x\nERROR: [041]: " + says + again}, Data: "/box/data"}
		err := c.Restore(t.Context(), RestoreOptions{Set: "x", Tablespaces: "/box/ts"}, io.Discard)
		why, _ := reason.Of(err)
		assert.Equal(t, want, why, says)
		assert.Equal(t, strings.Contains(says, "/repo/1' for read: [5]"), Damaged(err), says)
	}
	get := &Client{Host: saying{code: 42, says: "ERROR: [042]: unable to get 000000010000000000000001:\n" +
		"       repo1: 15-1/0000000100000000/1-f342 [FileOpenError] unable to open file '/box/spool/s' for write: " +
		"[30] Read-only file system"}, Spool: "/box/spool"}
	err := get.ArchiveGet(t.Context(), "1", "/box/spool/s")
	why, _ := reason.Of(err)
	require.Equal(t, reason.SandboxFailed, why)
	require.ErrorContains(t, err, "Read-only file system: this is of the machine that pgBackRest runs on")
}
