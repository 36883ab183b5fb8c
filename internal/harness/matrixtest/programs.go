package matrixtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
)

// Bounds.
const (
	buildTime  = 10 * time.Minute
	dockerTime = time.Minute
	faultsTime = 15 * time.Minute // of the rows of one release; two minutes on two idle cores
)

// inside is where a container sees the programs.
const inside = "/programs"

// programs are directories of what is run.
type programs struct {
	docker  string // drills in containers, from this machine
	process string // drills in processes, in a container; the corpus with them
}

// build compiles everything. A program that is linked to nothing runs on every release.
func build(t *testing.T) (p programs) {
	t.Helper()
	t.Setenv("CGO_ENABLED", "0")
	dir := t.TempDir()
	p = programs{docker: filepath.Join(dir, "docker"), process: filepath.Join(dir, "process")}
	require.NoError(t, drilltest.Build(p.docker, "ci"))
	require.NoError(t, drilltest.Build(p.process, ""))
	said, err := command(t, buildTime, "go", "test", "-c", "-o", filepath.Join(p.process, "faults.test"),
		"veza.fr/recovery/internal/harness/acceptance")
	require.NoError(t, err, said)
	return p
}

// container is the command that runs another one in a container of the release: a machine with nothing but
// itself to talk to, on which root may do what the tests do (file systems and network namespaces of their own).
func (r release) container(p programs, options ...string) []string {
	argv := []string{
		"docker", "run", "--rm", "--init", "--network=none", "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN",
		"--cap-add=SYS_PTRACE", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
		"--volume=" + p.process + ":" + inside + ":ro",
	}
	return append(append(argv, options...), r.image)
}

// engine are the variables by which a Docker engine is found.
func engine() (env []string) {
	for _, name := range []string{"DOCKER_HOST", "DRILL_MINIO_IMAGE"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// docker asks the engine.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	said, err := command(t, dockerTime, "docker", args...)
	require.NoError(t, err, said)
	return said
}

// command runs one to its end and returns what it printed.
func command(t *testing.T, within time.Duration, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	said, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return strings.TrimSpace(string(said)), err
}
