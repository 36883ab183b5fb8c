package mutate

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Fate is what became of a mutant.
type Fate string

// Fates.
const (
	Killed    Fate = "killed"    // the tests failed, or did not end
	Survived  Fate = "SURVIVED"  // the tests passed: nothing holds the rule
	Stillborn Fate = "stillborn" // it does not compile
)

// Judge has a command, whose children compile with the mutant, decide. A command that
// does not end within limit counts as failed.
func Judge(ctx context.Context, m Mutant, limit time.Duration, command []string) (Fate, error) {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory in TMPDIR
	overlay, err := m.Write(dir)
	if err != nil {
		return "", err
	}
	bound, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(bound, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it started dies with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err == nil:
		return Survived, nil
	case notBuilt(said.String()):
		return Stillborn, nil
	case bound.Err() == nil && cmd.ProcessState == nil:
		return "", fmt.Errorf("%s: %w", command[0], err)
	}
	return Killed, nil
}

// notBuilt knows how the go command says that a package does not compile.
func notBuilt(said string) bool {
	return strings.Contains(said, "[build failed]") || strings.Contains(said, "[setup failed]") ||
		strings.Contains(said, "# veza.fr/")
}
