//go:build drill && !ci

package bench

import (
	"testing"

	"veza.fr/recovery/internal/host/incus"
)

// BenchmarkDrillIncus times both in throw-away Incus containers from the same image.
func BenchmarkDrillIncus(b *testing.B) {
	compare(b, environment{"drill", incus.Provider{Memory: 4 << 30}})
}
