package labtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const commandTimeout = time.Minute

// incus runs the incus command as an operator would, against the daemon of this place.
func (b *bench) incus(args ...string) string {
	b.t.Helper()
	said, err := b.tryIncus(args...)
	require.NoError(b.t, err, "incus %v: %s", args, said)
	return said
}

func (b *bench) tryIncus(args ...string) (string, error) { return b.command("incus", args...) }

// command runs the incus command, or what calls it.
func (b *bench) command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), b.cli...)
	said, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(said)), err
}

// instance is what `incus list` says of one.
type instance struct {
	Name    string                       `json:"name"`
	Status  string                       `json:"status"`
	Config  map[string]string            `json:"config"`
	Devices map[string]map[string]string `json:"devices"`
}

// sandboxes are the drills' instances of this place: those its own runs made.
func (b *bench) sandboxes() []instance {
	b.t.Helper()
	var all, found []instance
	require.NoError(b.t, json.Unmarshal([]byte(b.incus("list", "--format=json")), &all))
	for _, i := range all {
		if strings.HasPrefix(i.Name, "pg-restore-drill") {
			found = append(found, i)
		}
	}
	return found
}

// nothingLeft asserts that no instance, no directory and no file is left of any drill
// of this place, but the lock file.
func (b *bench) nothingLeft() {
	b.t.Helper()
	assert.Empty(b.t, b.sandboxes(), "instances")
	entries, err := os.ReadDir(b.tmp())
	require.NoError(b.t, err)
	for _, entry := range entries {
		assert.Regexp(b.t, `^veza-drill-[a-z0-9]+\.lock$`, entry.Name(), "left in TMPDIR")
	}
}

// ownProject makes the project of these tests.
func (s *labSuite) ownProject(t *testing.T) {
	t.Helper()
	(&bench{labSuite: s, t: t}).makeProject(project)
}

// makeProject makes a project for the test; what an earlier run left of it goes first.
func (b *bench) makeProject(name string) {
	b.t.Helper()
	b.removeProject(name)
	b.t.Cleanup(func() { b.removeProject(name) })
	b.incus("project", "create", name,
		"-c", "features.images=false", "-c", "features.profiles=true", "-c", "features.networks=false")
}

// removeProject removes a project with all that is in it, as far as there is something.
func (b *bench) removeProject(name string) {
	inside := *b
	inside.cli = append(slices.Clone(b.cli), "INCUS_PROJECT="+name) // the last one counts
	if said, err := inside.tryIncus("list", "--format=csv", "--columns=n"); err == nil && said != "" {
		_, _ = inside.tryIncus(append([]string{"delete", "--force"}, strings.Fields(said)...)...)
	}
	_, _ = inside.tryIncus("profile", "device", "remove", "default", "eth0")
	_, _ = inside.tryIncus("project", "delete", name)
}
