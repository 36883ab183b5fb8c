//go:build drill

package prodtest_test

import (
	"testing"

	"veza.fr/recovery/internal/lab/prodtest"
)

func TestProduction(t *testing.T) { prodtest.Run(t) }
