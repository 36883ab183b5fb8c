// Package incustest holds what only a running Incus daemon can show of package incus.
package incustest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// patience bounds what must end soon; machines are loaded while tests run.
const patience = time.Minute

// Launch makes a sandbox that is gone when the test ends.
func Launch(t *testing.T, p incus.Provider, spec sandbox.Spec) *incus.Sandbox {
	t.Helper()
	s, err := try(t, p, spec)
	require.NoError(t, err)
	require.NoError(t, s.Ready(soon(t)))
	require.NoError(t, s.Settled(soon(t)), "nothing of the launch is under way any more")
	return s
}

// try is Launch for what may fail.
func try(t *testing.T, p incus.Provider, spec sandbox.Spec) (*incus.Sandbox, error) {
	t.Helper()
	if spec.Stanza == "" {
		spec.Stanza = "test"
	}
	p = here(p)
	spec.Run, spec.Major = t.Name(), major(t)
	begin := time.Now()
	made, err := p.Launch(soon(t), spec)
	t.Logf("launch: %v", time.Since(begin))
	s, _ := made.(*incus.Sandbox)
	t.Cleanup(func() { remove(t, s) })
	return s, err
}

func remove(t *testing.T, s *incus.Sandbox) {
	t.Helper()
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	begin := time.Now()
	assert.NoError(t, s.Destroy(ctx))
	assert.NoError(t, s.Gone(ctx))
	t.Logf("destroy: %v", time.Since(begin))
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// claims are what the provider promises besides being a host.
var claims = []struct {
	name string
	test func(t *testing.T)
}{
	{"NoNetworkCard", testNoNetworkCard},
	{"TagsAndLimits", testTagsAndLimits},
	{"SecondNameIsFree", testSecondNameIsFree},
	{"ImageMissingIsNamed", testImageMissingIsNamed},
	{"DaemonMissingIsNamed", testDaemonMissingIsNamed},
	{"EnterWorksWhenPasted", testEnterWorksWhenPasted},
	{"UserIsWhole", testUserIsWhole},
	{"RootNeverRunsPostgreSQL", testRootNeverRunsPostgreSQL},
	{"FileNeedsAContainer", testFileNeedsAContainer},
	{"SocketsAreRootsAlone", testSocketsAreRootsAlone},
	{"StoresAreReached", testStoresAreReached},
	{"StoreNobodyKnows", testStoreNobodyKnows},
	{"FolderIsReadOnly", testFolderIsReadOnly},
	{"FolderRefused", testFolderRefused},
	{"Reap", testReap},
	{"Kept", testKept},
	{"ReapSockets", testReapSockets},
	{"Shared", testShared},
	{"InstallThroughACardThatGoes", testInstall},
	{"ContainerKilled", testContainerKilled},
	{"DaemonFaults", testDaemonFaults},
}

// Run checks every claim against the daemon of this machine, in a project of its own: other
// runs' sandboxes may be there at the same time, and are none of the suite's business.
func Run(t *testing.T) {
	t.Helper()
	ownProject(t)
	for _, c := range claims {
		t.Run(c.name, c.test)
	}
}

// sh runs a script that must succeed, as the default user, and returns what it printed.
func sh(t *testing.T, h host.Host, script string) string {
	t.Helper()
	return as(t, h, "", script)
}

func as(t *testing.T, h host.Host, user, script string) string {
	t.Helper()
	result, err := h.Run(soon(t), host.Command{Argv: []string{"sh", "-c", script}, User: user})
	require.NoError(t, err)
	return strings.TrimSpace(string(result.Stdout))
}

// requireReason asserts why something failed, and words of the sentence.
func requireReason(t *testing.T, want reason.Reason, err error, says ...string) {
	t.Helper()
	why, _ := reason.Of(err)
	require.Equal(t, want, why, "%v", err)
	for _, text := range says {
		require.ErrorContains(t, err, text)
	}
}

// command runs a program of this machine that must succeed, and returns what it printed.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	said, err := exec.CommandContext(soon(t), name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, said)
	return strings.TrimSpace(string(said))
}

func run(ctx context.Context, name string, args ...string) error {
	said, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, said)
	}
	return nil
}
