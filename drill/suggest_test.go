package drill

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

// A suggestion takes nobody's place, and leaves nothing beside it.
func TestWriteNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checks.yaml")
	require.NoError(t, writeNew(path, []byte("- x\n")))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "- x\n", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o644, info.Mode().Perm())

	require.ErrorIs(t, writeNew(path, []byte("other")), os.ErrExist)
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "- x\n", string(content))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	assert.Error(t, writeNew(filepath.Join(dir, "none", "x"), nil))
}

// A suggested minimum is a guess, and binds nobody: only what is broken counts.
func TestBroken_TooFewRowsOfASuggestionIsNone(t *testing.T) {
	few := verify.Outcome{Check: "few", Status: verify.Failed, Reason: reason.TooFewRows}
	page := verify.Outcome{Check: "page", Status: verify.Failed, Reason: reason.PageChecksum}
	assert.Nil(t, verify.Failure(broken([]verify.Outcome{few})))
	assert.Equal(t, "page", verify.Failure(broken([]verify.Outcome{few, page})).Check)
}

// Damage speaks before the want of checks, and that is the last to speak.
func TestVerdict_NothingSaidIsTheLastWord(t *testing.T) {
	damage := reason.Errorf(reason.PageChecksum, "a page")
	assert.Equal(t, damage, verdict{deep: damage, unsaid: errors.New("nothing says")}.first())
	assert.NoError(t, verdict{unsaid: errors.New("nothing says")}.first())
	requireReason(t, reason.ConfigInvalid, advised(reason.Errorf(reason.ConfigInvalid, "x"), "do y"), "")
	assert.NoError(t, advised(nil, "do y"))
}
