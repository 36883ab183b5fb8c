package incustest

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// images is where `make image` puts the sandboxes' images, one for each major version.
const images = "veza-drill/"

// newestMajor is the newest version that there is an image of, of the machine's own daemon.
var newestMajor = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said, err := exec.CommandContext(ctx, "incus", "image", "alias", "list", "local:", "--format=csv").Output()
	newest := 0
	for line := range strings.Lines(string(said)) {
		alias, _, _ := strings.Cut(line, ",")
		if name, ours := strings.CutPrefix(alias, images); ours {
			major, _ := strconv.Atoi(name) // 0 for another one's
			newest = max(newest, major)
		}
	}
	return strconv.Itoa(newest), err
})

// major is the version whose image the tests launch.
func major(t *testing.T) string {
	t.Helper()
	found, err := newestMajor()
	require.NoError(t, err)
	require.NotEqual(t, "0", found, "there is no image %sMAJOR: make image", images)
	return found
}
