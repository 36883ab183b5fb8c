package prodtest

import (
	"context"
	"encoding/json"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// incus runs the incus command of this machine.
func incus(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, "incus", args...).CombinedOutput()
	return strings.TrimSpace(string(said)), err
}

// trusted are the fingerprints of the certificates of a name.
func trusted(name string) (prints []string) {
	said, err := incus("config", "trust", "list", "--format=json")
	var all []struct{ Name, Fingerprint string }
	if err != nil || json.Unmarshal([]byte(said), &all) != nil {
		return nil
	}
	for _, c := range all {
		if c.Name == name {
			prints = append(prints, c.Fingerprint)
		}
	}
	return prints
}

// httpsAddress is where the daemon of this machine listens, which the lab sees to.
func (p *production) httpsAddress(t *testing.T) string {
	t.Helper()
	said, err := incus("config", "get", "core.https_address")
	require.NoError(t, err, said)
	_, _, err = net.SplitHostPort(said)
	require.NoError(t, err, "the daemon listens on no address: %s", said)
	return said
}
