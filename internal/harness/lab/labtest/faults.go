package labtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
)

// faults are of the sandbox or of the settings: nothing is learned about the backups.
func faults(t *testing.T, s *labSuite) {
	for _, c := range []struct {
		name  string
		args  []string
		conf  func(string) string
		why   reason.Reason
		words string
	}{
		{"ImageMissing", []string{"-image", "veza-drill/none"}, nil, reason.ImageMissing, "veza-drill/none"},
		{"ProjectMissing", []string{"-incus-project=nowhere"}, nil, reason.SandboxFailed, "nowhere"},
		{"RemoteMissing", []string{"-incus-remote", "nowhere"}, nil, reason.SandboxFailed, "nowhere"},
		{"DiskTooSmall", []string{"-disk", "64MiB"}, nil, reason.DiskSpace, ""},
		{"NotServed", nil, option("repo1-type", "sftp"), reason.ConfigInvalid, "repo1-type=sftp"},
		{"RepositoryHost", nil, option("repo1-host", "backup.example.org"), reason.ConfigInvalid, "repo1-host"},
		{"NoStore", nil, option("repo1-storage-port", "1"), reason.RepoUnreachable, ":1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.place(t)
			if c.conf != nil {
				b.change(c.conf)
			}
			o := b.start("drill", c.args...).End()
			b.verdict(o, reason.ExitEnvironment, c.why)
			assert.Contains(t, o.Report.Detail, c.words)
			b.nothingLeft()
		})
	}
}

// option gives an option of the conf another value.
func option(name, value string) func(string) string {
	return func(conf string) string {
		var kept []string
		for _, line := range strings.Split(conf, "\n") {
			if !strings.HasPrefix(line, name+"=") {
				kept = append(kept, line)
			}
		}
		return strings.Replace(strings.Join(kept, "\n"), "[global]", "[global]\n"+name+"="+value, 1)
	}
}

// change gives this place a conf of its own.
func (b *bench) change(edit func(string) string) {
	b.t.Helper()
	content, err := os.ReadFile(b.conf)
	require.NoError(b.t, err)
	b.conf = filepath.Join(b.dir, "pgbackrest.conf")
	require.NoError(b.t, os.WriteFile(b.conf, []byte(edit(string(content))), 0o600))
}

// slow is a file of checks that keeps verify busy long enough to be disturbed.
func (b *bench) slow() []string {
	b.t.Helper()
	file := filepath.Join(b.dir, "checks.yaml")
	require.NoError(b.t, os.WriteFile(file,
		[]byte("- name: slow\n  query: SELECT count(*) FROM users, (SELECT pg_sleep(20)) AS s\n  min: 1\n"), 0o644))
	return []string{"-checks", file}
}

// containerKilled: the container goes away under the drill, whatever it was doing.
func containerKilled(t *testing.T, s *labSuite) {
	for _, step := range []string{"provision", "restore", "recover", "verify"} {
		t.Run(step, func(t *testing.T) {
			b := s.place(t)
			f := b.start("drill", b.slow()...)
			f.Reach(step)
			b.killSandbox()
			b.verdict(f.End(), reason.ExitEnvironment, reason.SandboxFailed)
			b.nothingLeft()
		})
	}
}

// postmasterKilled: nobody but the drill's own machine is at fault when its server is killed,
// or the way to it, while a check is asked.
func postmasterKilled(t *testing.T, s *labSuite) {
	for _, c := range []struct {
		name   string
		inject func(b *bench, sandbox string) error
	}{
		{"Postmaster", func(b *bench, sandbox string) error {
			_, err := b.tryIncus("exec", sandbox, "--", "sh", "-c",
				"kill -9 $(head -n 1 /var/lib/veza-drill/data/postmaster.pid)")
			return err
		}},
		{"Proxy", func(b *bench, sandbox string) error {
			directory := b.incus("config", "get", sandbox, "user.veza-drill.sockets")
			return exec.CommandContext(b.t.Context(), "pkill", "-9", "-f", "forkproxy.*unix:"+directory).Run()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.place(t)
			f := b.start("drill", b.slow()...)
			f.Reach("verify")
			require.Len(t, b.sandboxes(), 1)
			require.NoError(t, c.inject(b, b.sandboxes()[0].Name))
			b.verdict(f.End(), reason.ExitEnvironment, reason.SandboxFailed)
			b.nothingLeft()
		})
	}
}

// killSandbox stops the only sandbox the hard way. It may be so young that its
// launch is still going on.
func (b *bench) killSandbox() {
	b.t.Helper()
	drilltest.Eventually(b.t, "the sandbox to be killed", func() string {
		boxes := b.sandboxes()
		if len(boxes) == 0 {
			return "there is none"
		}
		if said, err := b.tryIncus("stop", "--force", boxes[0].Name); err != nil {
			return said
		}
		return ""
	})
}
