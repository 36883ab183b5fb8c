package hosttest

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nobody is the id of Debian's user nobody and of its group.
const Nobody = 65534

// PublicTemp makes TMPDIR a directory like /tmp, of the test's own, and returns it.
func PublicTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "veza-test-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, os.ModeSticky|0o777))
	t.Setenv("TMPDIR", dir)
	return dir
}

// Program is a copy of the running test binary that every user can run: go
// test keeps the binary where only its own user can. It lies in TMPDIR; see PublicTemp.
func Program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(os.TempDir(), "copy.test")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	self, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer self.Close() //nolint:errcheck // only read
	binary, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(binary, self)
	require.NoError(t, err)
	require.NoError(t, binary.Close())
	return path
}

// AsNobody runs the tests of this binary that match run as user nobody, who has
// no home and no rights, and returns what they printed. It takes root.
func AsNobody(t *testing.T, run string) string {
	t.Helper()
	PublicTemp(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, Program(t), "-test.run="+run, "-test.v")
	cmd.Dir = os.TempDir()
	cmd.Env = []string{"TMPDIR=" + os.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Nobody, Gid: Nobody}}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}
