package process

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// A scratch directory is handed to shells and to restore_command: a name that means something there is refused.
func TestUsable(t *testing.T) {
	for _, dir := range []string{"/tmp", "/tmp/a b", "/tmp/a,b", "/tmp/日本", "/tmp/-v", "/tmp/a=b@c:d+e^f"} {
		assert.NoError(t, usable(dir), dir)
	}
	for _, dir := range []string{
		"/tmp/it's", `/tmp/q"q`, "/tmp/100%", "/tmp/%f", "/tmp/$HOME", "/tmp/`id`", `/tmp/a\b`, "/tmp/a;b", "/tmp/a&b",
		"/tmp/a|b", "/tmp/<a>", "/tmp/(a)", "/tmp/a*", "/tmp/[a]", "/tmp/#a", "/tmp/a\nb", "/tmp/a\tb",
	} {
		why, _ := reason.Of(usable(dir))
		assert.Equal(t, reason.ConfigInvalid, why, dir)
	}
}
