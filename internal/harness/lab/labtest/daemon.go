package labtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/reason"
)

// daemon is an Incus daemon of a test's own, which may be killed without disturbing anybody.
type daemon struct {
	*bench
	dir string
	cmd *exec.Cmd
}

// ownDaemon starts one with a storage pool of the given size and the drill's image.
func (b *bench) ownDaemon() *daemon {
	b.t.Helper()
	d := &daemon{bench: b, dir: filepath.Join(b.dir, "incus")}
	require.NoError(b.t, os.Mkdir(d.dir, 0o711))
	image := filepath.Join(b.dir, "image")
	b.incus("image", "export", b.lab.Major.Sandbox(), image) // of the usual daemon
	b.env, b.cli, b.args = []string{"INCUS_DIR=" + d.dir}, []string{"INCUS_DIR=" + d.dir}, nil
	b.t.Cleanup(d.remove)
	d.start()
	b.incus("storage", "create", "default", "dir")
	files, err := filepath.Glob(image + "*")
	require.NoError(b.t, err)
	b.incus(append(append([]string{"image", "import"}, files...), "--alias", b.lab.Major.Sandbox())...)
	for _, file := range files {
		require.NoError(b.t, os.Remove(file))
	}
	return d
}

// start starts the daemon, also again, and waits until it answers.
func (d *daemon) start() {
	d.t.Helper()
	d.cmd = exec.Command("/usr/libexec/incus/incusd", "--group", "incus-admin")
	d.cmd.Env = append(os.Environ(), "INCUS_DIR="+d.dir, "INCUS_LXC_TEMPLATE_CONFIG=/usr/share/lxc/config",
		"INCUS_EDK2_PATH=/usr/share/ovmf")
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(d.t, d.cmd.Start())
	drilltest.Eventually(d.t, "the daemon to answer", func() string {
		said, err := d.tryIncus("info")
		if err != nil {
			return said
		}
		return ""
	})
}

// kill is a crash: no clean shutdown of the containers.
func (d *daemon) kill() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Kill())
	_ = d.cmd.Wait() // it was killed
}

// crash is that of the whole host: the daemon and all that ran in containers are gone.
func (d *daemon) crash() {
	d.t.Helper()
	d.kill()
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		cmdline, _ := os.ReadFile(file)
		if strings.HasPrefix(string(cmdline), "[lxc monitor] "+d.dir) {
			d.killTree(filepath.Base(filepath.Dir(file)))
		}
	}
}

// killTree kills a monitor of a container and the container's first process, and
// with it all of the container.
func (d *daemon) killTree(pid string) {
	children, _ := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	for _, child := range append(strings.Fields(string(children)), pid) {
		_ = exec.Command("kill", "-9", child).Run() // gone is what is wanted
	}
}

func (d *daemon) remove() {
	for _, i := range d.sandboxes() {
		_, _ = d.tryIncus("delete", "--force", i.Name) // the daemon's directory goes in any case
	}
	_, _ = d.tryIncus("image", "delete", d.lab.Major.Sandbox())
	_, _ = d.tryIncus("storage", "delete", "default")
	d.crash()
	drilltest.Eventually(d.t, "the daemon's mounts to be gone", func() string {
		mounts, _ := os.ReadFile("/proc/mounts")
		for line := range strings.Lines(string(mounts)) {
			if fields := strings.Fields(line); strings.HasPrefix(fields[1], d.dir) {
				_ = syscall.Unmount(fields[1], syscall.MNT_DETACH)
				return line
			}
		}
		return ""
	})
}

// daemonFaults: the daemon is stopped, hangs, dies in the middle, comes back.
func daemonFaults(t *testing.T, s *labSuite) {
	place := s.place(t)
	d := place.ownDaemon()
	t.Run("Passes", func(t *testing.T) { place.at(t).clean() })
	t.Run("Remote", d.remote)
	t.Run("RestartedInTheMiddle", func(t *testing.T) {
		for _, step := range []string{"restore", "recover"} {
			b := place.at(t)
			f := b.start(step)
			f.Reach(step)
			d.kill()
			d.start()
			b.verdict(f.End(), reason.ExitEnvironment, reason.SandboxFailed)
			b.clean()
		}
	})
	t.Run("HostCrash_NothingComesUpByItself", func(t *testing.T) {
		b := place.at(t)
		f := b.start("crashed", b.slow()...)
		f.Reach("verify")
		require.NotEmpty(t, b.sandboxes())
		kill(t, f, b.dir)
		f.Wait()
		d.crash()
		d.start()
		for _, i := range b.sandboxes() {
			assert.NotEqual(t, "Running", i.Status, i.Name)
		}
		b.clean()
	})
	t.Run("Hangs", func(t *testing.T) {
		b := place.at(t)
		hosttest.Freeze(t, d.cmd.Process)
		o := b.start("hangs").End()
		require.NoError(t, d.cmd.Process.Signal(syscall.SIGCONT))
		b.verdict(o, reason.ExitEnvironment, reason.SandboxFailed)
		assert.Equal(t, "preflight", o.Report.Step)
	})
	t.Run("Stopped", func(t *testing.T) {
		b := place.at(t)
		d.kill()
		o := b.start("stopped").End()
		b.verdict(o, reason.ExitEnvironment, reason.SandboxFailed)
		assert.Contains(t, o.Report.Detail, "daemon")
		d.start()
		b.clean()
	})
	t.Run("PoolFull", func(t *testing.T) { poolFull(t, place.at(t)) })
}

// at is the place, for one of several tests.
func (b *bench) at(t *testing.T) *bench {
	again := *b
	again.t = t
	return &again
}

// poolFull: a pool with no room at all, one with none for the image, and one with none for the data.
func poolFull(t *testing.T, place *bench) {
	dir := filepath.Join(place.dir, "pool")
	require.NoError(t, os.Mkdir(dir, 0o711))
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=200m"))
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	place.incus("storage", "create", "small", "dir", "source="+dir)
	place.incus("profile", "device", "add", "default", "root", "disk", "path=/", "pool=small")
	for name, c := range map[string]struct{ size, words string }{
		"NoRoomAtAll":       {"32m", "MB are free in storage pool small of "}, // seen in preflight
		"NoRoomForTheImage": {"200m", ""},
		"NoRoomForTheData":  {"480m", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := place.at(t)
			require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size="+c.size))
			o := b.start(name).End()
			b.verdict(o, reason.ExitEnvironment, reason.DiskSpace)
			assert.Contains(t, o.Report.Detail, c.words)
			assert.Empty(t, b.sandboxes())
		})
	}
	place.incus("profile", "device", "remove", "default", "root")
	place.incus("storage", "delete", "small")
}
