package incus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

func TestDisk(t *testing.T) {
	assert.Equal(t, int64(10<<30), Provider{}.RootDisk(1<<30))
	assert.Equal(t, int64(40<<30), Provider{}.RootDisk(20<<30))
	assert.Equal(t, int64(1<<30), Provider{Disk: 1 << 30}.RootDisk(20<<30))
}

func TestLimits(t *testing.T) {
	assert.Equal(t, map[string]string{"boot.autostart": "false", "security.guestapi": "false"}, Provider{}.limits())
	assert.Equal(
		t,
		map[string]string{
			"boot.autostart":    "false",
			"security.guestapi": "false",
			"limits.memory":     "1073741824",
			"limits.cpu":        "2",
		},
		Provider{Memory: 1 << 30, CPUs: 2}.limits(),
	)
}

// Folders are read-only, at their own path, with the ids of this machine.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	require.NoError(t, os.Mkdir(repo, 0o755))
	devices, _, err := (&Daemon{here: true}).folders([]string{repo + "/"})
	require.NoError(t, err)
	assert.Equal(t, map[string]map[string]string{
		"folder-1": {"type": "disk", "source": repo, "path": repo, "readonly": "true", "shift": "true"},
	}, devices)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]reason.Reason{
		"relative": reason.ConfigInvalid, "/": reason.ConfigInvalid, file: reason.ConfigInvalid,
		filepath.Join(dir, "gone"): reason.NoBackup,
	} {
		_, _, err = (&Daemon{here: true}).folders([]string{path})
		why, _ := reason.Of(err)
		assert.Equal(t, want, why, path)
	}
}

// Where the sandbox cannot see a directory, the sentence names what was given, or what is missing.
func TestFolders_OfAnotherMachine(t *testing.T) {
	daemon := daemonWithPool("7.3")
	daemon["/1.0"] = api.Server{Environment: api.ServerEnvironment{ServerClustered: true, ServerName: "a"}}
	daemon.serve(t)
	repo := t.TempDir()
	for target, seen := range map[string]bool{"": false, "b": false, "@g": false, "a": true, thisMember: true} {
		d, err := Provider{}.connect(t.Context())
		require.NoError(t, err)
		require.NoError(t, d.aim(t.Context(), target))
		_, _, err = d.folders([]string{repo})
		if seen {
			require.NoError(t, err, target)
			continue
		}
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, target)
		require.ErrorContains(t, err, repo+" is on this member of the cluster of the Incus daemon on /", target)
		assert.True(t, strings.HasSuffix(err.Error(), "drill a posix repository with -incus-target ."), err)
	}
	_, _, err := (&Daemon{place: "P"}).folders([]string{repo})
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	require.ErrorContains(t, err, "a sandbox on P: drill a posix repository without -incus-remote")
}

// A store is reached through a proxy device: by its address inside, at its address outside.
func TestProxies(t *testing.T) {
	stores, err := guest.Layout(
		[]sandbox.Address{{Host: "s3.example.org", Port: "443"}, {Host: "2001:db8::1", Port: "9000"}},
	)
	require.NoError(t, err)
	stores[0].Target, stores[1].Target = "192.0.2.7:443", "[2001:db8::1]:9000"
	assert.Equal(t, map[string]map[string]string{
		"store-1": {"type": "proxy", "bind": "instance", "listen": "tcp:127.0.0.2:443", "connect": "tcp:192.0.2.7:443"},
		"store-2": {
			"type":    "proxy",
			"bind":    "instance",
			"listen":  "tcp:[2001:db8::1]:9000",
			"connect": "tcp:[2001:db8::1]:9000",
		},
	}, proxies(stores))
}
