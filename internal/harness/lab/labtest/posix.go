package labtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

// posixRepository: a repository of files on the host is seen read-only at its own path.
func posixRepository(t *testing.T, s *labSuite) {
	b := s.place(t)
	t.Setenv("TMPDIR", b.tmp())
	machine, err := (process.Provider{}).Launch(t.Context(), sandbox.Spec{Stanza: "files", Run: "seed"})
	require.NoError(t, err)
	seeded := &source.Seeded{Machine: machine, Stanza: "files", Rows: 1000}
	t.Cleanup(func() { assert.NoError(t, seeded.Close(context.WithoutCancel(t.Context()))) })
	repository, err := seeded.Open(t.Context(), t.Logf)
	require.NoError(t, err)
	b.conf = repository.Conf

	o := b.start("kept", "-stanza", "files", "-keep").End()
	b.verdict(o, reason.ExitPass, reason.None)
	kept := b.sandboxes()
	require.Len(t, kept, 1)
	t.Cleanup(func() { b.incus("delete", "--force", kept[0].Name) })
	repo := filepath.Join(machine.Dir("data"), "repo")
	// By the exit status: the last words of a command that ends at once may be lost on their way.
	const refused = 30
	said, err := b.tryIncus("exec", kept[0].Name, "--", "sh", "-c",
		fmt.Sprintf("touch %s/written 2>&1 | grep -q 'Read-only file system' && exit %d", repo, refused))
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended, said)
	assert.Equal(t, refused, ended.ExitCode(), said)
	_, err = os.Stat(repo + "/written")
	assert.ErrorIs(t, err, os.ErrNotExist)
}
