package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/sandbox"
)

const scratch = "vzb-"

// ScratchName is the pattern of this run's scratch directory: whose it is stands in it.
func ScratchName() string { return fmt.Sprintf("%s%d-", scratch, os.Getpid()) }

// Sweep removes what runs that were killed left in TMPDIR, processes too.
func Sweep(ctx context.Context, provider sandbox.Provider) error {
	parent := os.TempDir()
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() || !abandoned(entry.Name(), alive) {
			continue
		}
		dir := filepath.Join(parent, entry.Name())
		err = errors.Join(err, reap(ctx, provider, dir), os.RemoveAll(dir))
	}
	return err
}

// abandoned says whether a name is that of a scratch directory whose run is gone.
func abandoned(name string, alive func(pid int) bool) bool {
	rest, ours := strings.CutPrefix(name, scratch)
	number, _, ok := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	return ours && ok && err == nil && pid > 0 && !alive(pid)
}

// alive says yes when in doubt: /proc shows every process there is.
func alive(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil || !errors.Is(err, os.ErrNotExist)
}

// reap ends what still runs in the sandboxes of a scratch directory.
func reap(ctx context.Context, provider sandbox.Provider, dir string) (err error) {
	before, was := os.LookupEnv("TMPDIR")
	defer func() {
		if was {
			err = errors.Join(err, os.Setenv("TMPDIR", before))
		} else {
			err = errors.Join(err, os.Unsetenv("TMPDIR"))
		}
	}()
	if err = os.Setenv("TMPDIR", dir); err != nil {
		return err
	}
	_, err = provider.Reap(ctx, "")
	return err
}
