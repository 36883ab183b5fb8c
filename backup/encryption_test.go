package backup

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

const file = "backup/veza/backup.info"

var (
	plain      = []byte("[backrest]\nbackrest-format=5\n")
	noise      = []byte("\x01\x02\x03")
	shut       = &pgbackrest.Error{Command: "repo-get", Code: 95, Lines: []string{"ERROR: [095]: unable to flush"}}
	errRefused = errors.New("connection refused")
)

// The conf's own passphrase must open the file, or another one that does not proves nothing.
func TestOpensWithOwn(t *testing.T) {
	require.NoError(t, opensWithOwn(file, plain, nil, nil))
	requireReason(t, reason.RepoUnreachable, opensWithOwn(file, nil, errRefused, nil))
	for _, c := range []struct {
		content []byte
		err     error
	}{{noise, nil}, {nil, shut}, {nil, pgbackrest.ErrNoFile}} {
		requireReason(t, reason.RepoCorrupt, opensWithOwn(file, c.content, c.err, nil))
	}
	err := opensWithOwn(file, nil, shut, reason.Errorf(reason.WrongCipher, "the passphrase opens nothing"))
	requireReason(t, reason.WrongCipher, err)
	assert.ErrorContains(t, err, file+" cannot be read with the passphrase of the conf")
}

// Another passphrase must open nothing; a store that does not answer proves neither.
func TestStaysShut(t *testing.T) {
	require.NoError(t, staysShut(file, nil, shut))
	require.NoError(t, staysShut(file, noise, nil))
	requireReason(t, reason.NotEncrypted, staysShut(file, plain, nil))
	requireReason(t, reason.RepoUnreachable, staysShut(file, nil, errRefused))
	requireReason(t, reason.RepoDenied, staysShut(file, nil, reason.Errorf(reason.RepoDenied, "403")))
}

// Every repository gets the other passphrase, wherever the line stands, and nothing else changes.
func TestChangePassphrase(t *testing.T) {
	changed := changePassphrase([]byte("[global]\nrepo1-cipher-pass=secret\n  repo12-cipher-pass = two words\n"+
		"repo1-cipher-type=aes-256-cbc\n# repo1-cipher-pass=old\n[veza]\nrepo1-cipher-pass=own"), "OTHER")
	assert.Equal(t, "repo-cipher-pass=OTHER", string(changePassphrase([]byte("repo-cipher-pass=own"), "OTHER")))
	assert.Equal(t, "[global]\nrepo1-cipher-pass=OTHER\n  repo12-cipher-pass =OTHER\n"+
		"repo1-cipher-type=aes-256-cbc\n# repo1-cipher-pass=old\n[veza]\nrepo1-cipher-pass=OTHER", string(changed))
}
