package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A map of what the set has not ends restore. One of what it has, by any of its names, does not.
func TestUselessMaps(t *testing.T) {
	m := Manifest{
		Targets: []ManifestTarget{
			{Name: "pg_data/pg_wal", Path: "/wal"},
			{Name: "pg_tblspc/16384", Path: "/ts/a", TablespaceID: "16384", TablespaceName: "a"},
			{Name: "pg_tblspc/16385", Path: "/ts/b", TablespaceID: "16385", TablespaceName: "16384x"},
			{Name: "pg_tblspc/16386", Path: "/ts/c", TablespaceID: "16386", TablespaceName: "c"},
			{Name: "pg_tblspc/16387", Path: "/ts/d", TablespaceID: "16387", TablespaceName: "16386"},
		},
		Files: []ManifestFile{{Name: "pg_data/pg_hba.conf"}},
		Paths: []string{"pg_data", "pg_data/pg_wal", "pg_data/log", "pg_data/pg_tblspc", "pg_data/pg_tblspc/16384"},
	}
	for name, c := range map[string]struct {
		lines string
		want  []string // how they are said
	}{
		"none":              {"", nil},
		"by name and by id": {"tablespace-map=a=/x\ntablespace-map=16385=/y\n", nil},
		"by both":           {"tablespace-map=a=/x\ntablespace-map=16384=/x\n", nil},
		"by both, to two places": {
			"tablespace-map=a=/x\ntablespace-map=16384=/y\n",
			[]string{"c:4: tablespace-map=16384=/y: another line maps that tablespace elsewhere"},
		},
		"a key twice, the last goes": {"tablespace-map=a=/x\ntablespace-map=a=/y\n", nil},
		"by id, twice, as by the name": {
			"tablespace-map=16384=/x\ntablespace-map=a=/y\ntablespace-map=16384=/y\n", nil,
		},
		"the last of a key is elsewhere": {
			"tablespace-map=16384=/x\ntablespace-map=a=/x\ntablespace-map=16384=/y\n",
			[]string{"c:5: tablespace-map=16384=/y: another line maps that tablespace elsewhere"},
		},
		"a name that is another's id": {
			"tablespace-map=16386=/x\ntablespace-map=16387=/y\n",
			[]string{"c:4: tablespace-map=16387=/y: another line maps that tablespace elsewhere"},
		},
		"dropped, or younger": {
			"tablespace-map=a=/x\ntablespace-map=old=/y\ntablespace-map=16399=/z\n",
			[]string{
				"c:4: tablespace-map=old=/y: the set has no such tablespace",
				"c:5: tablespace-map=16399=/z: the set has no such tablespace",
			},
		},
		"all of none": {"tablespace-map-all=/all\nlink-all=y\n", nil},
		"links": {
			"link-map=pg_wal=/w\nlink-map=pg_hba.conf=../hba/a\nlink-map=log=/var/log/pg\n", nil,
		},
		"a link of nothing": {
			"link-map=pg_wal=/w\nlink-map=pg_xlog=/w\n",
			[]string{"c:4: link-map=pg_xlog=/w: the set has no such file or directory"},
		},
		"a tablespace's link": {
			"link-map=pg_tblspc/16384=/w\n",
			[]string{"c:3: link-map=pg_tblspc/16384=/w: tablespaces are mapped by tablespace-map"},
		},
		"a file to no directory": {
			"link-map=pg_hba.conf=hba\n",
			[]string{"c:3: link-map=pg_hba.conf=hba: a file is linked to a path with a directory in it"},
		},
		"a file to no directory, overridden": {"link-map=pg_hba.conf=hba\nlink-map=pg_hba.conf=../hba/a\n", nil},
		"of another command":                 {"[demo:backup]\nlink-map=gone=/w\n", nil},
	} {
		conf, err := ParseConfig("c", []byte("[demo]\npg1-path=/pg\n"+c.lines))
		require.NoError(t, err)
		var said []string
		for _, line := range m.UselessMaps(conf, "demo") {
			said = append(said, line.String())
		}
		assert.Equal(t, c.want, said, name)
		assert.Equal(t, strings.HasPrefix(c.lines, "tablespace-map=") || strings.HasPrefix(c.lines, "link-map="),
			conf.Maps("demo"), name)
	}
}
