package drill

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// The directory of a tablespace that is younger than the set is not made inside another cluster, nor while another
// restore is at work in it. Beside that cluster it is made, and this restore's alone.
func TestMakeTablespace(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"/main", "/pg", "/beside"} {
		require.NoError(t, os.Mkdir(dir+path, 0o700))
	}
	require.NoError(t, os.WriteFile(dir+"/main/PG_VERSION", []byte("15\n"), 0o600))
	begin := func(data string) *recovered {
		r := &recovered{}
		r.box, r.real = &here{}, &nodeRestore{place: node.Place{Dir: data}, apart: node.Targets{Data: data}}
		claim, err := node.Take(data)
		require.NoError(t, err)
		r.real.claim = claim
		return r
	}
	r, other := begin(dir+"/pg"), begin(dir+"/beside")

	err := r.makeTablespace(t.Context(), dir+"/main/ts")
	require.ErrorContains(t, err, "it lies inside a cluster, or what belongs to one ("+dir+"/main)")
	assert.NoDirExists(t, dir+"/main/ts")
	require.NoError(t, r.makeTablespace(t.Context(), dir+"/ts"))
	assert.DirExists(t, dir+"/ts")
	assert.Len(t, r.real.claim.Late, 1)
	require.NoError(t, r.makeTablespace(t.Context(), dir+"/ts"), "dropped, and made again")

	made, _, _ := lateRecord(t)
	made.Location = dir + "/ts"
	var heard recorder
	assert.False(t, other.place(t.Context(), suite.NewOut(&heard), made))
	require.ErrorContains(t, other.stuck, "its directory "+dir+"/ts cannot be used: another restore is at work")
	requireReason(t, reason.Locked, other.stuck, "")
	require.NoError(t, r.real.claim.Drop())
	require.NoError(t, other.real.claim.Drop())
}

// However many tablespaces are younger than the set, the next one is looked at: without it nothing comes back. One that
// has its place already, and at which the replay ended all the same, ends it.
func TestPlace_Many(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/main", 0o700))
	require.NoError(t, os.WriteFile(dir+"/main/PG_VERSION", []byte("15\n"), 0o600))
	made, _, _ := lateRecord(t)
	made.Location = dir + "/main/ts"
	for name, c := range map[string]struct {
		again, looked bool
	}{
		"another": {false, true}, "it has its place": {true, false},
	} {
		r := &recovered{}
		r.box, r.real = &here{}, &nodeRestore{place: node.Place{Dir: dir + "/pg"}}
		for oid := range uint32(3 * mostRedirected) {
			r.made = append(r.made, postgres.Tablespace{OID: oid})
		}
		if c.again {
			r.made[0] = made
		}
		var heard recorder
		assert.False(t, r.place(t.Context(), suite.NewOut(&heard), made), name)
		assert.Equal(t, c.looked, r.stuck != nil, name)
		if c.looked {
			require.ErrorContains(t, r.stuck, "it lies inside a cluster", name)
		}
	}
}
