//go:build ci

package matrixtest_test

import (
	"testing"

	"veza.fr/recovery/internal/harness/matrixtest"
)

func TestVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker, and ten minutes")
	}
	matrixtest.Run(t)
}

func TestForeignBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker, and ten minutes")
	}
	matrixtest.RunForeign(t)
}
