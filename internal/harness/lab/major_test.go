package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Paths and images are those of the lab's own PostgreSQL, whichever it is; one machine keeps its own.
func TestMajor(t *testing.T) {
	assert.Equal(t, "/var/lib/postgresql/18/pgaf", (&Lab{Major: 18}).FormationData())
	assert.Equal(t, "/usr/lib/postgresql/18/bin", Major(18).bin())
	assert.Equal(t, "veza-drill/18", Major(18).Sandbox())
	for _, n := range nodes {
		want := "veza-lab/18"
		if n.name == Next {
			want = "veza-lab/17"
		}
		assert.Equal(t, want, n.image(18), n.name)
	}
	assert.Equal(t, []Major{15, NextMajor}, Majors(15))
	assert.Equal(t, []Major{NextMajor}, Majors(NextMajor), "each image once")
}

// A drill host that is a data node has one conf, with the keys that write.
func TestFleet_Variables(t *testing.T) {
	for _, f := range []fleet{formationFleet, nextFleet} {
		variables := f.variables(fleetAccess{}, "")
		_, reads := variables["dr_drill_s3_key"]
		assert.Equal(t, f.drill != f.data[0], reads, f.name)
		assert.Equal(t, "/"+f.name, variables["pgbackrest_s3_path"])
	}
}
