package drill

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/repository"
)

// Beside a production that lives nobody is told to take its place; where nothing is left of it, pg1-path has to follow.
func TestOrigin(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	r := &nodeRestore{place: node.Place{Dir: dir + "/restored"}}
	assert.Empty(t, r.originOf("").advice(r.place.Dir))
	assert.Empty(t, r.originOf(r.place.Dir+"/").advice(r.place.Dir), "it is the same")
	const become, leave = "make it ", "leave pg1-path as it is"
	main := dir + "/main"
	o := r.originOf(main)
	assert.Contains(t, o.advice(r.place.Dir), become+r.place.Dir)
	assert.NotContains(t, o.advice(r.place.Dir), leave, "nothing is there")

	require.NoError(t, os.Mkdir(main, 0o700))
	require.NoError(t, os.WriteFile(main+"/PG_VERSION", nil, 0o600))
	o = r.originOf(main)
	assert.Empty(t, o.fact(), "it is stopped")
	assert.Contains(t, o.advice(r.place.Dir), "if this one takes its place, "+become+r.place.Dir)
	assert.Contains(t, o.advice(r.place.Dir), "if that one goes on, "+leave)

	assert.Equal(t, node.OriginElsewhere, o.place())
	assert.Equal(t, node.OriginHere, r.originOf(r.place.Dir).place())

	o.process = 4711
	assert.Equal(t, node.OriginLives, o.place())
	assert.Equal(t, "a server works in "+main+", pg1-path of the conf (process 4711)", o.fact())
	assert.Contains(t, o.advice(r.place.Dir), leave)
	assert.Contains(t, o.advice(r.place.Dir), "max_logical_replication_workers = 0")
	assert.NotContains(t, o.advice(r.place.Dir), become)
}

// With pg1-host the path is another machine's: what has it here is a stranger's, and whether a cluster lives there
// nobody here knows, not even where the path is the one that is restored into.
func TestOrigin_OfAnotherHost(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(dir+"/PG_VERSION", nil, 0o600))
	for options, host := range map[string]string{
		"pg1-host=db1\n": "db1", "db-host=db1\n": "db1", "[demo:backup]\npg1-host=db1\n": "db1", "": "",
		"[other]\npg1-host=db1\n": "",
	} {
		conf, failed := pgbackrest.ParseConfig("c", []byte("[demo]\npg1-path="+dir+"\n"+options))
		require.NoError(t, failed)
		var found ready
		found.Client.Repository = repository.Repository{Stanza: "demo", Conf: repository.Conf{Config: conf}}
		assert.Equal(t, host, hostOf(found), options)
	}
	for _, data := range []string{"/restored", dir} {
		r := &nodeRestore{place: node.Place{Dir: data}, host: "db1"}
		o := r.originOf(dir)
		assert.Equal(t, origin{dir: dir, host: "db1"}, o, "nothing was looked at")
		assert.Equal(t, node.OriginRemote, o.place())
		assert.Empty(t, o.fact())
		assert.Contains(t, o.advice(data), "pg1-path of the conf is of db1 (pg1-host)")
		assert.Contains(t, o.advice(data), "if a cluster lives there, leave pg1-path as it is")
		assert.NotContains(t, o.advice(data), "make it ")
	}
	here := (&nodeRestore{place: node.Place{Dir: "/restored"}}).originOf(dir)
	assert.Equal(t, origin{dir: dir, cluster: true}, here)
}
