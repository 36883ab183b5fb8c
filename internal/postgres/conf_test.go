package postgres

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseControl_ReadsPgControldata(t *testing.T) {
	control := ParseControl(recorded(t, "controldata.txt"))
	size, err := control.SegmentSize()
	require.NoError(t, err)
	assert.EqualValues(t, 16<<20, size)
	for setting, label := range inherited {
		assert.NotEmpty(t, control[label], "%s comes from %q", setting, label)
	}
	_, err = ParseControl("nothing").SegmentSize()
	assert.Error(t, err)
}

func TestParseConf_ReadsWhatPostgreSQLReads(t *testing.T) {
	options := ParseConf("# comment\nShared_Preload_Libraries = 'a, \"b\"'  # why\nport 5433\ninclude " +
		"'x.conf'\nname='it''s'\nbroken line with = sign\n")
	assert.Equal(t, [][2]string{
		{
			"shared_preload_libraries",
			`a, "b"`,
		}, {"port", "5433"}, {"include", "x.conf"}, {"name", "it's"}, {"broken", "line"},
	}, options)
	assert.Equal(t, []string{"a", "b"}, splitList(`a, "b" ,`))
}

func TestSettings_NeverArchiveWhateverTheVersion(t *testing.T) {
	for _, version := range []string{"13.4", "15.18", "18.0"} {
		server := Server{Installation: Installation{Version: version}, Conf: "/etc", Socket: "/run", Port: 5432}
		list := server.settings(Control{"max_connections setting": "250", "max_prepared_xacts setting": "0"},
			[]string{"pg_stat_statements"})
		all := strings.Join(list, "\n")
		for _, want := range []string{
			"archive_mode=off", "archive_command=", "listen_addresses=", "synchronous_standby_names=",
			"max_connections=250", "max_prepared_transactions=256", "shared_preload_libraries=pg_stat_statements",
			"recovery_target_time=", "lc_messages=C",
		} {
			assert.Contains(t, list, want, version)
		}
		assert.Equal(t, version[:2] >= "15", strings.Contains(all, "archive_library"), version)
	}
}

func TestSettings_LeaveTheWantedTargetAlone(t *testing.T) {
	server := Server{Installation: Installation{Version: "15.1"}, Target: "recovery_target_lsn"}
	list := server.settings(Control{}, nil)
	assert.NotContains(t, list, "recovery_target_lsn=")
	assert.Contains(t, list, "recovery_target_name=")
}

func FuzzParseConf(f *testing.F) {
	f.Add("shared_preload_libraries = 'a'\n")
	f.Fuzz(func(_ *testing.T, content string) {
		for _, option := range ParseConf(content) {
			splitList(option[1])
		}
		ParseControl(content)
	})
}

func FuzzRoleNames(f *testing.F) {
	f.Add(make([]byte, pageSize), uint32(10))
	f.Fuzz(func(_ *testing.T, table []byte, oid uint32) {
		roleNames(table, oid)
		mappedFile(table, oid)
	})
}

// What the machine the cluster came from had stays there; what recovery and queries need stays here.
func TestForgetful(t *testing.T) {
	content := "# Do not edit\nlc_messages = 'fr_FR.UTF-8'\nlc_time='fr_FR'\nmax_stack_depth = " +
		"'900MB'\nsearch_path = 'app, public'\n" +
		"restore_command = 'pgbackrest archive-get %f \"%p\"'\n#recovery_target = 'immediate'\nzero_damaged_pages " +
		"= 'on'\n"
	want := "# Do not edit\n# not in the drill: lc_messages = 'fr_FR.UTF-8'\n# not in the drill: lc_time='fr_FR'\n" +
		"# not in the drill: max_stack_depth = '900MB'\nsearch_path = 'app, public'\n" +
		"restore_command = 'pgbackrest archive-get %f \"%p\"'\n#recovery_target = 'immediate'\n# not in the drill: " +
		"zero_damaged_pages = 'on'\n"
	assert.Equal(t, want, withoutMachineSettings(content))
}
