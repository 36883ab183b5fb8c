package drill

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/postgres"
)

// A node that lies elsewhere on the machine is named before anything is written, and before the cluster is started.
func TestNodesBeside(t *testing.T) {
	r := &nodeRestore{home: "/home", place: node.Place{Dir: "/prim2", Formation: node.Formation{
		Others: []string{"/prim", "/old"},
	}}}
	var found ready
	found.Control = &machine{answers: map[string]answer{
		"pg_autoctl show file --pgdata /prim ": {stdout: `{"current_role":"primary"}`},
		"pg_autoctl show file --pgdata /old ":  {err: errors.New("it cannot be read")},
	}}
	r.beside = r.nodesBeside(t.Context(), found)
	assert.Equal(t, []string{
		"pg_auto_failover has a node on this machine in /prim, as primary",
		"pg_auto_failover has a node on this machine in /old",
	}, r.beside)
	r.server = &postgres.Server{}
	assert.Equal(t, r.beside[0]+": beside it this cluster would want the same port, and archive into the same stanza",
		r.elsewhere(origin{})[0])
	r.rooms = []node.Volume{{Dir: "/prim2"}}
	assert.Contains(t, r.facts(found), "beside   "+r.beside[0])
	r.lives = "a server works in /main"
	assert.Contains(t, r.facts(found), "beside   "+r.lives)
	assert.Empty(t, r.role(t.Context(), found), "it knows nothing of this one")
	assert.Empty(t, (&nodeRestore{}).nodesBeside(t.Context(), found))
}
