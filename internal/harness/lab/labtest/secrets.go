package labtest

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/reason"
)

// secrets: what the conf marks secret stands in no command line, environment, log,
// output, metric, or configuration and log of the instance, whether the drill passes or fails.
func secrets(t *testing.T, s *labSuite) {
	values := s.lab.Secrets()
	require.NotEmpty(t, values)
	for _, c := range []struct {
		name string
		conf func(string) string
		exit int
		why  reason.Reason
		more []string // what stands in the place of a secret
	}{
		{"Passing", nil, reason.ExitPass, reason.None, nil},
		{
			"WrongPassphrase", option("repo1-cipher-pass", "wrong-pass-9f2c71"), reason.ExitFailed, reason.WrongCipher,
			[]string{"wrong-pass-9f2c71"},
		},
		{
			"WrongKey", option("repo1-s3-key-secret", "wrong-key-77ab0e12"), reason.ExitFailed, reason.RepoDenied,
			[]string{"wrong-key-77ab0e12"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := s.place(t)
			if c.conf != nil {
				b.change(c.conf)
			}
			w := newWatch(append(c.more, values...))
			ctx, cancel := context.WithCancel(t.Context())
			watching := w.run(ctx)
			f := b.start("drill", "-keep")
			o := f.End()
			cancel()
			<-watching
			b.verdict(o, c.exit, c.why)
			for _, kept := range b.sandboxes() {
				w.look("instance config", []byte(b.incus("config", "show", "--expanded", kept.Name)))
				w.look("instance log", []byte(b.incus("info", "--show-log", kept.Name)))
				b.incus("delete", "--force", kept.Name)
			}
			w.look("terminal", []byte(o.Said))
			for _, dir := range []string{b.out(), b.tmp(), "/var/log/incus"} {
				w.files(t, dir)
			}
			assert.Empty(t, w.found)
			assert.Positive(t, w.looks, "processes were looked at")
		})
	}
}

// watch looks for values where they must not be.
type watch struct {
	values []string
	mu     sync.Mutex
	found  []string // places, never the value
	looks  int
}

func newWatch(values []string) *watch { return &watch{values: values} }

func (w *watch) look(place string, content []byte) {
	for _, value := range w.values {
		if bytes.Contains(content, []byte(value)) {
			w.mu.Lock()
			w.found = append(w.found, place)
			w.mu.Unlock()
		}
	}
}

// run looks at every process of this machine, those in containers too, again and again.
func (w *watch) run(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			w.processes()
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return done
}

func (w *watch) processes() {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		if group, _ := os.ReadFile(filepath.Join(proc, "cgroup")); bytes.Contains(group, []byte(lab.Project)) {
			continue // the lab's own store has its credentials from its environment
		}
		for _, name := range []string{"cmdline", "environ"} {
			content, _ := os.ReadFile(filepath.Join(proc, name)) // it may be gone
			w.look(name+" of "+proc, content)
			w.looks++
		}
	}
}

func (w *watch) files(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		w.look(path, content)
		return err
	}))
}
