//go:build drill

package clustertest_test

import (
	"testing"

	"veza.fr/recovery/internal/harness/lab/labtest"
)

func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab with a cluster, and three minutes")
	}
	labtest.RunCluster(t)
}
