//go:build drill

package stanzatest_test

import (
	"testing"

	"veza.fr/recovery/internal/harness/lab/prodtest"
)

func TestStanzas(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab, and five minutes")
	}
	prodtest.RunStanzas(t)
}
