//go:build drill

package runbooktest_test

import (
	"testing"

	"veza.fr/recovery/internal/harness/lab/prodtest"
)

func TestRunbooks(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab, and half an hour")
	}
	prodtest.RunRunbooks(t)
}
