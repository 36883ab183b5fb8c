package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// programs builds what a user installs, testprom, the compiled drill and test2json,
// into one directory, once. It returns the directory.
var programs = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	dir := filepath.Join(base, "bin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	for _, argv := range [][]string{
		{"go", "build", "-o", filepath.Join(dir, "testprom"), "veza.fr/recovery/internal/cmd/testprom"},
		{"go", "test", "-c", "-o", filepath.Join(dir, "drill.test"), "veza.fr/recovery/drill"},
		{"go", "build", "-o", filepath.Join(dir, "test2json"), "cmd/test2json"},
	} {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		if said, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", argv, err, said)
		}
	}
	return dir, nil
})
