// Package dockertest holds what only a running Docker engine can show of package docker.
package dockertest

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// patience bounds what must end soon; machines are loaded while tests run.
const patience = time.Minute

// Launch makes a sandbox that is gone when the test ends.
func Launch(t *testing.T, p docker.Provider, spec sandbox.Spec) *docker.Sandbox {
	t.Helper()
	s, err := try(t, p, spec)
	require.NoError(t, err)
	return s
}

// try is Launch for what may fail.
func try(t *testing.T, p docker.Provider, spec sandbox.Spec) (*docker.Sandbox, error) {
	t.Helper()
	spec.Stanza, spec.Run = "test", t.Name()
	begin := time.Now()
	made, err := p.Launch(soon(t), spec)
	t.Logf("launch: %v", time.Since(begin))
	s, _ := made.(*docker.Sandbox)
	t.Cleanup(func() { remove(t, s) })
	return s, err
}

func remove(t *testing.T, s *docker.Sandbox) {
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
	{"SiteIsSealed", testSiteIsSealed},
	{"StoreHasTwoUsers", testStoreHasTwoUsers},
	{"NothingSecretIsInspected", testNothingSecretIsInspected},
	{"TwoSitesAtOnce", testTwoSitesAtOnce},
	{"StoresAreReached", testStoresAreReached},
	{"FolderIsReadOnly", testFolderIsReadOnly},
	{"ImageMissingIsNamed", testImageMissingIsNamed},
	{"EngineMissingIsNamed", testEngineMissingIsNamed},
	{"EnterWorksWhenPasted", testEnterWorksWhenPasted},
	{"RootNeverRunsPostgreSQL", testRootNeverRunsPostgreSQL},
	{"ContainerKilled", testContainerKilled},
	{"Reap", testReap},
	{"KilledProcess_TheNextRunRemovesAll", testKilledProcess},
}

// Run checks every claim against the engine that answers.
func Run(t *testing.T) {
	t.Helper()
	for _, c := range claims {
		t.Run(c.name, c.test)
	}
}

// sh runs a script that must succeed, as the default user, and returns what it printed.
func sh(t *testing.T, h host.Host, script string) string {
	t.Helper()
	result, err := h.Run(soon(t), host.Command{Argv: []string{"sh", "-c", script}})
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
