package pgbackrest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every file goes where a restore by the conf puts it: tablespaces to where they were or are mapped, links into the
// data directory unless link-all or a map of their own says otherwise.
func TestPlaces(t *testing.T) {
	const targets = `[backup:target]
pg_data={"path":"/old","type":"path"}
pg_data/postgresql.conf={"file":"postgresql.conf","path":"../etc","type":"link"}
pg_data/pg_wal={"path":"/wal","type":"link"}
pg_tblspc/16384={"path":"/ts/a","tablespace-id":"16384","tablespace-name":"a","type":"link"}
pg_tblspc/16385={"path":"/ts/b","tablespace-id":"16385","tablespace-name":"b","type":"link"}
`
	info, _, _ := readInfoFile([]byte(targets))
	list, err := parseTargets(info)
	require.NoError(t, err)
	m := Manifest{Targets: list, Files: []ManifestFile{
		{Name: "pg_data/PG_VERSION", Size: 1},
		{Name: "pg_data/base/1/112", Size: 2},
		{Name: "pg_data/postgresql.conf", Size: 4},
		{Name: "pg_data/pg_wal/000000010000000000000001", Size: 8},
		{Name: "pg_tblspc/16384/PG_15_202209061/5/1", Size: 16},
		{Name: "pg_tblspc/16385/PG_15_202209061/5/1", Size: 32},
	}}
	for name, c := range map[string]struct {
		conf  string
		sizes map[string]int64
		wal   string
	}{
		"plain": {"", map[string]int64{"/pg": 15, "/ts/a": 16, "/ts/b": 32}, "/pg"},
		"link-all": {
			"link-all=y\n", map[string]int64{"/pg": 3, "/etc": 4, "/wal": 8, "/ts/a": 16, "/ts/b": 32}, "/wal",
		},
		"link-map": {
			"link-map=pg_wal=/fast\n", map[string]int64{"/pg": 7, "/fast": 8, "/ts/a": 16, "/ts/b": 32}, "/fast",
		},
		"link-map goes before link-all": {
			"link-all=y\nlink-map=pg_wal=/pg/pg_wal\n",
			map[string]int64{"/pg": 3, "/etc": 4, "/pg/pg_wal": 8, "/ts/a": 16, "/ts/b": 32},
			"/pg/pg_wal",
		},
		"tablespace-map": {
			"tablespace-map=a=/x\ntablespace-map=16385=/y\n", map[string]int64{"/pg": 15, "/x": 16, "/y": 32}, "/pg",
		},
		"tablespace-map-all": {
			"tablespace-map=a=/x\ntablespace-map-all=/all\n",
			map[string]int64{"/pg": 15, "/x": 16, "/all/b": 32},
			"/pg",
		},
		"of another command": {
			"[demo:backup]\nlink-all=y\n", map[string]int64{"/pg": 15, "/ts/a": 16, "/ts/b": 32}, "/pg",
		},
	} {
		conf, failed := ParseConfig("c", []byte("[demo]\npg1-path=/pg\n"+c.conf))
		require.NoError(t, failed)
		sizes, wal := m.Places(conf, "demo", "/pg")
		assert.Equal(t, c.sizes, sizes, name)
		assert.Equal(t, c.wal, wal, name)
	}
}

// What lies apart from the data directory: one file by its directory and its name, also where only a map makes it so.
func TestApart(t *testing.T) {
	m := Manifest{
		Targets: []ManifestTarget{
			{Name: "pg_data/postgresql.conf", Path: "../etc", File: "postgresql.conf"},
			{Name: "pg_data/pg_wal", Path: "/wal/"},
			{Name: "pg_tblspc/16384", Path: "/ts/a", TablespaceID: "16384", TablespaceName: "a"},
		},
		Files: []ManifestFile{{Name: "pg_data/pg_hba.conf"}},
	}
	space := m.Targets[2]
	mapped := space
	mapped.Path = "/x"
	for name, c := range map[string]struct {
		conf string
		want []ManifestTarget
	}{
		"plain":          {"", []ManifestTarget{space}},
		"tablespace-map": {"tablespace-map=a=/x/\n", []ManifestTarget{mapped}},
		"a key twice":    {"tablespace-map=a=/y\ntablespace-map=a=/x\n", []ManifestTarget{mapped}},
		"another's, too": {"tablespace-map=a=/x\ntablespace-map=b=/y\n", []ManifestTarget{mapped}},
		"an id twice":    {"tablespace-map=16384=/y\ntablespace-map=16384=/x\n", []ManifestTarget{mapped}},
		"link-all": {"link-all=y\n", []ManifestTarget{
			{Name: "pg_data/pg_wal", Path: "/wal"},
			{Name: "pg_data/postgresql.conf", Path: "/etc", File: "postgresql.conf"},
			space,
		}},
		"link-map": {"link-map=pg_wal=/fast\nlink-map=pg_hba.conf=../hba/a.conf\n", []ManifestTarget{
			{Name: "pg_data/pg_hba.conf", Path: "/hba", File: "a.conf"}, {Name: "pg_data/pg_wal", Path: "/fast"}, space,
		}},
	} {
		conf, err := ParseConfig("c", []byte("[demo]\npg1-path=/pg\n"+c.conf))
		require.NoError(t, err)
		assert.Equal(t, c.want, m.Apart(conf, "demo", "/pg"), name)
	}
}

// What a link led to comes back as a plain file or directory, unless the conf keeps the link. A tablespace keeps its.
func TestUnlinked(t *testing.T) {
	m := Manifest{Targets: []ManifestTarget{
		{Name: "pg_data/conf.d/a.conf", Path: "../etc", File: "a.conf"},
		{Name: "pg_data/pg_wal", Path: "/wal"},
		{Name: "pg_tblspc/16384", Path: "/ts/a", TablespaceID: "16384", TablespaceName: "a"},
	}}
	for options, want := range map[string][]string{
		"": {"conf.d/a.conf ../etc/a.conf", "pg_wal /wal"}, "link-all=y\n": nil,
		"link-map=pg_wal=/x\n": {"conf.d/a.conf ../etc/a.conf"}, "tablespace-map-all=/y\nlink-all=y\n": nil,
	} {
		conf, err := ParseConfig("c", []byte("[demo]\npg1-path=/pg\n"+options))
		require.NoError(t, err)
		var said []string
		for _, target := range m.Unlinked(conf, "demo", "/pg") {
			name, to := target.Link()
			said = append(said, name+" "+to)
		}
		assert.Equal(t, want, said, options)
	}
	assert.Len(t, m.Targets, 3)
}
