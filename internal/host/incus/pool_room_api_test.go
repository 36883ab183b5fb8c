package incus

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers is a daemon that knows a few paths, as the API writes them; an int is the status of a refusal.
type answers map[string]any

func (a answers) answer(w http.ResponseWriter, r *http.Request) {
	content, known := a[r.URL.Path]
	answer := api.ResponseRaw{Type: api.SyncResponse, Status: "Success", StatusCode: http.StatusOK, Metadata: content}
	if status, refused := content.(int); refused || !known {
		if answer.Code = status; !known {
			answer.Code = http.StatusNotFound
		}
		answer.Type, answer.Error = api.ErrorResponse, http.StatusText(answer.Code)
		w.WriteHeader(answer.Code)
	}
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone asks no more
}

// serve makes it the daemon of this machine; asked says how often it was asked for a path.
func (a answers) serve(t *testing.T) (asked func(path string) int) {
	t.Helper()
	var mutex sync.Mutex
	count := map[string]int{}
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		count[r.URL.Path]++
		a.answer(w, r)
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("INCUS_SOCKET", socket)
	t.Setenv("INCUS_CONF", t.TempDir())
	return func(path string) int {
		mutex.Lock()
		defer mutex.Unlock()
		return count[path]
	}
}

const poolPath = "/1.0/storage-pools/fast"

// daemonWithPool is one whose default profile names a pool of 100 GB, of which 30 are used.
func daemonWithPool(version string) answers {
	space := api.ResourcesStoragePoolSpace{Used: 30e9, Total: 100e9}
	profile := api.Profile{Name: "default"}
	profile.Devices = map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": "fast"}}
	pool := api.StoragePool{Name: "fast", Driver: "btrfs", UsedBy: []string{"/1.0/instances/db1"}}
	pool.Config = map[string]string{"source": "/dev/vdb"}
	about := api.Server{Environment: api.ServerEnvironment{ServerVersion: version}}
	return answers{
		"/1.0": about, "/1.0/projects/default": api.Project{Name: "default"},
		"/1.0/profiles/default": profile, poolPath: pool,
		poolPath + "/resources": api.ResourcesStoragePool{Space: space},
	}
}

// The pool that the default profile names is asked, and named with what to do.
func TestProviderRoom(t *testing.T) {
	daemonWithPool("6.0.4").serve(t)
	room, err := Provider{}.Room(t.Context(), nil)
	require.NoError(t, err)
	assert.EqualValues(t, 70_000_000_000, room.Free)
	assert.EqualValues(t, 100_000_000_000, room.Total)
	assert.Contains(t, room.Place, "storage pool fast of the Incus daemon on /")
	assert.Contains(t, room.Mend, "`incus storage info fast`")
	assert.Contains(t, room.Mend, "default profile of project default")
	assert.True(t, room.Shared)
	assert.Empty(t, room.Doubt)

	of, err := Provider{}.Warnings(t.Context())
	require.NoError(t, err)
	require.Len(t, of, 1)
	assert.Contains(t, of[0], "is version 6.0.4")
}

// What a certificate may not ask is an error, and no number; of a cluster the numbers are of one member.
func TestProviderRoom_ThatIsNotToldIsAnError(t *testing.T) {
	for path, status := range map[string]int{
		poolPath + "/resources": http.StatusForbidden, poolPath: http.StatusNotFound, "/1.0": http.StatusForbidden,
	} {
		t.Run(path, func(t *testing.T) {
			daemon := daemonWithPool("7.3")
			daemon[path] = status
			daemon.serve(t)
			_, err := Provider{}.Room(t.Context(), nil)
			require.ErrorContains(t, err, "storage pool fast of the Incus daemon")
			require.ErrorContains(t, err, http.StatusText(status))
		})
	}
	t.Run("cluster", func(t *testing.T) {
		daemon := daemonWithPool("7.3")
		daemon["/1.0"] = api.Server{Environment: api.ServerEnvironment{ServerVersion: "7.3", ServerClustered: true}}
		daemon.serve(t)
		room, err := Provider{}.Room(t.Context(), nil)
		require.NoError(t, err)
		assert.Contains(t, room.Doubt, "another member of the cluster")
		of, err := Provider{}.Warnings(t.Context())
		require.NoError(t, err)
		assert.Empty(t, of)
	})
}
