package process

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// testprom looks where TMPDIR is: in a plain shell it has to be told of another one.
func TestVariables(t *testing.T) {
	for dir, want := range map[string][]string{
		"/tmp": nil, "/big": {"TMPDIR=/big"}, "/big one": {"TMPDIR='/big one'"},
	} {
		assert.Equal(t, want, variables(dir))
		assert.Equal(t, want, (&Sandbox{Host: &Host{dir: dir + "/veza-drill-demo-1"}}).Variables())
	}
}

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
