package acceptance

import (
	"path/filepath"
	"sync"

	"veza.fr/recovery/internal/harness/drilltest"
)

// programs is the directory of what a user installs: -programs, or built once.
var programs = sync.OnceValues(func() (string, error) {
	if *programsFlag != "" {
		return *programsFlag, nil
	}
	dir := filepath.Join(base, "bin")
	return dir, drilltest.Build(dir, *environment)
})
