//go:build drill

package prodtest_test

import (
	"testing"

	"veza.fr/recovery/internal/harness/lab/prodtest"
)

func TestProduction(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab, and ten minutes")
	}
	prodtest.Run(t)
}
