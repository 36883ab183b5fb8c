// Package drilltest runs whole drills as a user does, through testprom and a compiled
// test binary, and collects what they leave behind for those who look from outside.
package drilltest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const buildTimeout = 30 * time.Minute

// Build puts what a user installs into dir, which it makes: testprom, the drill and
// the backup checks compiled with the given build tags ("" for none), and test2json. Every user can run them.
func Build(dir, tags string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, argv := range [][]string{
		{"go", "build", "-tags", tags, "-o", filepath.Join(dir, "testprom"), "veza.fr/recovery/internal/cmd/testprom"},
		{"go", "test", "-c", "-tags", tags, "-o", filepath.Join(dir, "drill.test"), "veza.fr/recovery/drill"},
		{"go", "test", "-c", "-tags", tags, "-o", filepath.Join(dir, "backup.test"), "veza.fr/recovery/backup"},
		{"go", "build", "-o", filepath.Join(dir, "test2json"), "cmd/test2json"},
	} {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", argv, err, said)
		}
	}
	return nil
}

// Scratch makes a directory for sources and sandboxes, TMPDIR from now on and open to user postgres, with the programs
// of a drill in it. parent "" is where temporary files go. The caller removes dir, which may be there beside an error.
func Scratch(parent, pattern string) (dir, programs string, err error) {
	if dir, err = os.MkdirTemp(parent, pattern); err != nil {
		return "", "", err
	}
	programs = filepath.Join(dir, "bin")
	//nolint:gosec // user postgres works in it
	return dir, programs, errors.Join(os.Chmod(dir, 0o755), os.Setenv("TMPDIR", dir), Build(programs, ""))
}
