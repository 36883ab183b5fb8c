package dockertest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// What this process made is not reaped by it; what somebody else's container is, never.
func testReap(t *testing.T) {
	s := Launch(t, docker.Provider{}, sandbox.Spec{})
	foreign := command(t, "docker", "create", "--label", "fr.veza.other=x", "veza-drill/postgres:latest", "true")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		assert.NoError(t, exec.CommandContext(ctx, "docker", "rm", "-f", foreign).Run())
	})
	lines, err := docker.Provider{}.Reap(soon(t), "test")
	require.NoError(t, err)
	assert.Empty(t, lines)
	require.NoError(t, s.Keep(soon(t), time.Now().Add(time.Hour)))
	lines, err = docker.Provider{}.Reap(soon(t), "test")
	require.NoError(t, err)
	assert.Empty(t, lines)
	assert.Equal(t, "here", sh(t, s, "echo here"))
	command(t, "docker", "inspect", foreign)
}

// childVariable makes a copy of this test the process that will be killed.
const childVariable = "VEZA_DOCKERTEST_CHILD"

// A process that was killed in the middle leaves containers and networks; the next run
// removes all of them but what is kept, and that when its time is over.
func testKilledProcess(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		leave(t)
		return
	}
	cmd := exec.CommandContext(soon(t), "/proc/self/exe", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$",
		"-test.v")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	buffer, said := make([]byte, 4096), ""
	for !strings.Contains(said, "all is there") {
		n, failure := output.Read(buffer)
		said += string(buffer[:n])
		require.NoError(t, failure, said)
	}
	lines, err := docker.Provider{}.Reap(soon(t), "left")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(lines, "\n"), "is alive")
	require.ErrorContains(t, kept(t).Remove(soon(t)), "is alive")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed

	lines, err = docker.Provider{}.Reap(soon(t), "left")
	require.NoError(t, err)
	assert.Len(t, lines, 5, "three containers and two networks: %q", lines)
	assert.Len(t, ours(t), 2, "the kept ones")
	require.NoError(t, kept(t).Remove(soon(t)))
	assert.Len(t, ours(t), 1, "the one that is kept for a moment")
	var none []string
	require.NoError(
		t,
		wait.For(soon(t), "the kept one's time to be over", 200*time.Millisecond, func(ctx context.Context) error {
			none, err = docker.Provider{}.Reap(ctx, "left")
			if err == nil && len(none) == 0 {
				err = context.DeadlineExceeded
			}
			return err
		}),
	)
	assert.Contains(t, none[0], "its time is over")
	assert.Empty(t, ours(t))
}

// kept is, of those that are kept and listed, the one that is kept longest.
func kept(t *testing.T) (longest sandbox.Kept) {
	t.Helper()
	list, err := docker.Provider{}.Kept(soon(t))
	require.NoError(t, err)
	for _, k := range list {
		if k.Stanza == "left" && k.Until.After(longest.Until) {
			longest = k
		}
	}
	require.Regexp(t, `-kept-\d+$`, longest.Name)
	assert.WithinDuration(t, time.Now().Add(time.Hour), longest.Until, 10*time.Minute)
	return longest
}

// ours are the containers and networks of the stanza that was left.
func ours(t *testing.T) []string {
	t.Helper()
	filter := "label=fr.veza.drill.stanza=left"
	return strings.Fields(
		command(t, "docker", "ps", "-aq", "--filter", filter) + "\n" + command(
			t,
			"docker",
			"network",
			"ls",
			"-q",
			"--filter",
			filter,
		),
	)
}

// leave makes one of everything and waits to be killed.
func leave(t *testing.T) {
	t.Helper()
	site := &docker.Site{}
	spec := sandbox.Spec{Stanza: "left", Run: "killed"}
	_, _, err := site.Open(soon(t), spec, "")
	require.NoError(t, err)
	_, err = docker.Provider{Site: site}.Launch(soon(t), spec)
	require.NoError(t, err)
	for _, moment := range []time.Duration{8 * time.Second, time.Hour} {
		kept, err := docker.Provider{}.Launch(soon(t), spec)
		require.NoError(t, err)
		require.NoError(t, kept.Keep(soon(t), time.Now().Add(moment)))
	}
	t.Log("all is there")
	_, _ = os.Stdout.WriteString("all is there\n")
	<-soon(t).Done()
}
