package dockertest

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// A sandbox for an existing repository has no network card; one that gets another network
// is found out.
func testNoNetworkCard(t *testing.T) {
	s := Launch(t, docker.Provider{Memory: 1 << 30, CPUs: 1}, sandbox.Spec{})
	how, err := s.Isolated(soon(t))
	require.NoError(t, err)
	assert.Equal(t, "it has no network card", how)
	for _, name := range []string{"data", "tblspc", "run", "etc", "log", "lock", "spool"} {
		assert.Equal(t, "700 postgres", sh(t, s, "stat -c '%a %U' "+s.Dir(name)))
	}
	limits := command(t, "docker", "inspect", "-f",
		"{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Privileged}}",
		s.Name())
	assert.Equal(t, "1073741824 1000000000 no false", limits)
}

// What the object stores of a conf are is reached under their names, whoever serves them:
// here one in this very process, on its loopback.
func testStoresAreReached(t *testing.T) {
	store, err := objectstore.Embedded(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(soon(t))) })
	port := strconv.Itoa(store.Port)
	s := Launch(t, docker.Provider{}, sandbox.Spec{Stores: []sandbox.Address{{Host: "localhost", Port: port}}})
	for range 3 {
		conn, failure := s.Dial(soon(t), "tcp", net.JoinHostPort("localhost", port))
		require.NoError(t, failure)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, s.Put(soon(t), s.Dir("etc")+"/ca.crt", store.CA, 0o644, ""))
	require.NoError(t,
		s.Put(soon(t), s.Dir("etc")+"/pgbackrest.conf", conf(s, store, store.Key, store.Secret, "/x"), 0o600, ""))
	_, err = s.Run(soon(t), host.Command{Argv: []string{"pgbackrest", "repo-ls"}})
	require.NoError(t, err, "the certificate is for the name, and the name leads there")
	_, err = s.Isolated(soon(t))
	require.NoError(t, err, "no way out but the relays")
	_, err = s.Dial(soon(t), "tcp", "localhost:1")
	require.Error(t, err)
	_, err = try(t, docker.Provider{}, sandbox.Spec{Stores: []sandbox.Address{{Host: "192.0.2.1", Port: "443"}}})
	requireReason(t, reason.ConfigInvalid, err, "192.0.2.1")
}

// A posix repository is seen at its own path, and nobody inside can change it.
func testFolderIsReadOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "veza-folder-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("hello"), 0o644))
	s := Launch(t, docker.Provider{}, sandbox.Spec{Folders: []string{dir}})
	assert.Equal(t, "hello", sh(t, s, "cat "+dir+"/file"))
	result, err := s.Run(soon(t), host.Command{Argv: []string{"sh", "-c", "echo x > " + dir + "/new"}, User: "root"})
	require.Error(t, err)
	assert.Contains(t, string(result.Stderr), "Read-only file system")
}

func testImageMissingIsNamed(t *testing.T) {
	_, err := try(t, docker.Provider{Image: "veza-drill/nothing:1"}, sandbox.Spec{})
	requireReason(t, reason.ImageMissing, err, "veza-drill/nothing:1", "make images")
	_, err = try(t, docker.Provider{Image: "registry.invalid/some/image:1"}, sandbox.Spec{})
	requireReason(t, reason.ImageMissing, err, "registry.invalid/some/image:1", "cannot be fetched")
	t.Setenv("DRILL_MINIO_IMAGE", "veza-drill/nothing:2")
	_, store, err := (&docker.Site{}).Open(soon(t), sandbox.Spec{Stanza: "test", Run: t.Name()}, "")
	requireReason(t, reason.ImageMissing, err, "veza-drill/nothing:2")
	require.NoError(t, store.Close(soon(t)))
}

func testEngineMissingIsNamed(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	begin := time.Now()
	_, err := try(t, docker.Provider{}, sandbox.Spec{})
	requireReason(t, reason.SandboxFailed, err, "unix:///nonexistent/docker.sock", "start it")
	_, err = docker.Provider{}.Reap(soon(t), "test")
	requireReason(t, reason.SandboxFailed, err, "unix:///nonexistent/docker.sock")
	assert.Less(t, time.Since(begin), patience/4)
}

// The line an operator is given works when it is pasted.
func testEnterWorksWhenPasted(t *testing.T) {
	s := Launch(t, docker.Provider{}, sandbox.Spec{})
	require.NoError(t, s.Keep(soon(t), time.Now().Add(time.Hour)))
	line := s.Enter(`echo "it's $(id -un)"`)
	assert.Contains(t, command(t, "script", "-qec", line, "/dev/null"), "it's postgres", "at a terminal")
}

func testRootNeverRunsPostgreSQL(t *testing.T) {
	s := Launch(t, docker.Provider{}, sandbox.Spec{})
	for _, program := range []string{"pgbackrest", "/opt/postgresql/bin/postgres"} {
		_, err := s.Run(soon(t), host.Command{Argv: []string{program, "--version"}, User: "root"})
		require.ErrorContains(t, err, "root never runs it")
	}
}

// What happens to the container is never taken for the status of a command in it.
func testContainerKilled(t *testing.T) {
	for name, harm := range map[string][]string{
		"killed": {"kill"}, "removed": {"rm", "-f"}, "restarted": {"restart", "-t", "0"},
		"stopped": {"stop", "-t", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Launch(t, docker.Provider{}, sandbox.Spec{})
			started := make(chan struct{}, 1)
			ended := make(chan error, 1)
			go func() {
				_, err := s.Run(soon(t),
					host.Command{Argv: []string{"sh", "-c", "echo on; sleep 300"}, Stdout: first{started}})
				ended <- err
			}()
			<-started
			command(t, "docker", append(harm, s.Name())...)
			requireReason(t, reason.SandboxFailed, <-ended, s.Name())
			if name != "restarted" {
				_, err := s.Run(soon(t), host.Command{Argv: []string{"true"}})
				requireReason(t, reason.SandboxFailed, err, s.Name())
				_, err = s.Read(soon(t), "/etc/hostname")
				requireReason(t, reason.SandboxFailed, err, s.Name())
			}
		})
	}
}

// first tells of the first thing that is written.
type first struct{ said chan struct{} }

func (f first) Write(b []byte) (int, error) {
	select {
	case f.said <- struct{}{}:
	default:
	}
	return len(b), nil
}
