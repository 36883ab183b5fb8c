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
	settings, refused := parseConf("x.conf", "# comment\nShared_Preload_Libraries = 'a, \"b\"'  # why\nport 5433\r\n"+
		"include 'x.conf'\nname='it''s'\nbroken line with = sign\n"+
		"\tapp.user = 'caf\\303\\251\\n'\nsearch_path = a, b\n")
	assert.Equal(t, []Setting{
		{"shared_preload_libraries", `a, "b"`, "x.conf", 2},
		{"port", "5433", "x.conf", 3},
		{"include", "x.conf", "x.conf", 4},
		{"name", "it's", "x.conf", 5},
		{"app.user", "café\n", "x.conf", 7},
	}, settings)
	assert.Equal(t, []int{6, 8}, refused)
	assert.Equal(t, []string{"a", "b"}, splitList(`a, "b" ,`))
}

// What is written for PostgreSQL is read back as it was.
func TestQuoted(t *testing.T) {
	for _, value := range []string{"", "a", "it's", `back\slash`, "two\nlines\r", `\'`, "\t"} {
		s, ok := parseConfLine("name = " + quoted(value))
		assert.True(t, ok, value)
		assert.Equal(t, value, s.Value)
	}
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
			"recovery_target_time=", "recovery_target_action=promote", "lc_messages=C", "autovacuum=off",
			"autovacuum_freeze_max_age=2000000000", "autovacuum_multixact_freeze_max_age=2000000000",
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
	f.Fuzz(func(t *testing.T, content string) {
		settings, _ := parseConf("f", content)
		for _, s := range settings {
			splitList(s.Value)
			if again, ok := parseConfLine(s.Name + "=" + quoted(s.Value)); !ok || again.Value != s.Value {
				t.Errorf("%q is read back as %q", s.Value, again.Value)
			}
		}
		CommentedOut(onlyRecovery(content))
		ParseControl(content)
	})
}

func FuzzSharedTables(f *testing.F) {
	f.Add(make([]byte, pageSize), uint32(10))
	f.Fuzz(func(_ *testing.T, table []byte, oid uint32) {
		superuserNames(table)
		rows(table, nameAt+nameLength)
		mappedFile(table, oid)
	})
}

// Of postgresql.auto.conf only what recovery needs goes on counting where it lies.
func TestOnlyRecovery(t *testing.T) {
	content := "# Do not edit\nlc_messages = 'fr_FR.UTF-8'\nsearch_path = 'app, public'\n" +
		"restore_command = 'pgbackrest archive-get %f \"%p\"'\n#recovery_target = 'immediate'\nwhat is this\n"
	want := "# Do not edit\n# not in the drill: lc_messages = 'fr_FR.UTF-8'\n" +
		"# not in the drill: search_path = 'app, public'\n" +
		"restore_command = 'pgbackrest archive-get %f \"%p\"'\n#recovery_target = 'immediate'\nwhat is this\n"
	assert.Equal(t, want, onlyRecovery(content))
	assert.Equal(t, []string{"lc_messages", "search_path"}, CommentedOut(want))
	assert.Empty(t, CommentedOut(content))

	// What keeps anybody else's server from starting is one setting, which the run's own have another value of.
	settings, refused := parseConf(autoConf, closed)
	assert.Empty(t, refused)
	require.Len(t, settings, 1)
	assert.Equal(t, "shared_preload_libraries", settings[0].Name)
	assert.Len(t, splitList(settings[0].Value), 1)
	assert.Contains(t, (&Server{Kept: true}).settings(nil, nil), "shared_preload_libraries=")
}
