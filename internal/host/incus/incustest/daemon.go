package incustest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/wait"
)

// daemon is an Incus daemon of a test's own: it can be killed without disturbing anybody.
type daemon struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

// ownDaemon starts a daemon that INCUS_DIR leads to, with a pool and the drill's image.
func ownDaemon(t *testing.T) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "veza-incus-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+"-small"))) })
	require.NoError(t, os.Chmod(dir, 0o711)) //nolint:gosec // the containers' root is somebody else
	image, testImage := filepath.Join(t.TempDir(), "image"), images+major(t)
	command(t, "incus", "image", "export", "local:"+testImage, image)
	t.Setenv("INCUS_DIR", dir)
	d := &daemon{t: t, dir: dir}
	t.Cleanup(d.remove)
	d.start()
	command(t, "incus", "storage", "create", "local:default", "dir")
	files, err := filepath.Glob(image + "*")
	require.NoError(t, err)
	command(t, "incus", append(append([]string{"image", "import"}, files...), "local:", "--alias", testImage)...)
	return d
}

// start starts the daemon, also again, and waits until it answers.
func (d *daemon) start() {
	d.t.Helper()
	d.cmd = exec.Command("/usr/libexec/incus/incusd", "--group", "incus-admin")
	d.cmd.Env = append(os.Environ(), "INCUS_LXC_TEMPLATE_CONFIG=/usr/share/lxc/config",
		"INCUS_EDK2_PATH=/usr/share/ovmf")
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(d.t, d.cmd.Start())
	ctx, cancel := background(d.t)
	defer cancel()
	require.NoError(d.t, wait.For(ctx, "the daemon to answer", 100*time.Millisecond, func(ctx context.Context) error {
		_, err := incus.Connect(ctx, "", "")
		return err
	}))
}

// kill is a crash: no clean end of the containers.
func (d *daemon) kill() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Kill())
	_ = d.cmd.Wait() // it was killed
}

// smallPool makes the daemon put new instances into a pool without room for them.
func (d *daemon) smallPool() {
	d.t.Helper()
	dir := d.dir + "-small" // the daemon refuses one of its own
	require.NoError(d.t, os.Mkdir(dir, 0o711))
	require.NoError(d.t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=100m"))
	command(d.t, "incus", "storage", "create", "local:small", "dir", "source="+dir)
	command(d.t, "incus", "profile", "device", "add", "local:default", "root", "disk", "path=/", "pool=small")
}

// remove ends the daemon, its containers and its mounts.
func (d *daemon) remove() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	for _, pid := range d.monitors() {
		killTree(pid)
	}
	ctx, cancel := background(d.t)
	defer cancel()
	assert.NoError(d.t, wait.For(ctx, "the daemon's mounts to go", 50*time.Millisecond, func(context.Context) error {
		mounts, err := os.ReadFile("/proc/mounts")
		for line := range strings.Lines(string(mounts)) {
			if path := strings.Fields(line)[1]; strings.HasPrefix(path, d.dir) {
				_ = syscall.Unmount(path, syscall.MNT_DETACH)
				err = errors.Join(err, fmt.Errorf("%s is mounted", path))
			}
		}
		return err
	}))
}

// monitors are the processes that hold the daemon's containers.
func (d *daemon) monitors() (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		cmdline, _ := os.ReadFile(file)
		if strings.HasPrefix(string(cmdline), "[lxc monitor] "+d.dir) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

// killTree kills a process and its children; the first child of a monitor is a container's init.
func killTree(pid string) {
	children, _ := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	for _, one := range append(strings.Fields(string(children)), pid) {
		if n, err := strconv.Atoi(one); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL) // gone is what is wanted
		}
	}
}

// killInit kills the first process of an instance from outside, as the kernel does without memory.
func killInit(t *testing.T, name string) {
	t.Helper()
	for line := range strings.Lines(command(t, "incus", "info", name)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PID: "); ok {
			pid, err := strconv.Atoi(value)
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			return
		}
	}
	require.Fail(t, "no PID of "+name)
}
