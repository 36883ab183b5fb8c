package other

import (
	"os"
	"testing"
)

func TestElsewhere(t *testing.T) {
	if os.Getenv("PROBE") == "elsewhere-fails" {
		t.Fatal("not the drill's package")
	}
}
