package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func restoreOptionsOf(t *testing.T, conf string) []RestoreOption {
	t.Helper()
	c, err := ParseConfig("c.conf", []byte(conf))
	require.NoError(t, err)
	return c.RestoreOptions("veza")
}

// What a plain restore would obey, and the drill does not, is named with its place.
func TestRestoreOptions(t *testing.T) {
	list := restoreOptionsOf(t, "[global]\nrepo1-path=/r\n[global:restore]\ndb-include=app\ndb-include=other\n"+
		"archive-mode=off\n[veza]\npg1-path=/p\nrecovery-option=recovery_target_timeline=current\n"+
		"[veza:restore]\ntype=immediate\n[veza:backup]\ntarget=x\n[other:restore]\ndb-exclude=x\n")
	var said []string
	for _, o := range list {
		said = append(said, o.String())
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		"c.conf:4: db-include=app: after a plain restore: only the databases it names come back",
		"c.conf:5: db-include=other", "c.conf:11: type=immediate", "c.conf:6: archive-mode=off",
		"c.conf:9: recovery-option=recovery_target_timeline=current: after a plain restore: recovery stops there",
	} {
		assert.Contains(t, text, want)
	}
	assert.Len(t, list, 5)
}

// pgBackRest takes dashes for underscores, and the settings that pass over damage cost as much as a target.
func TestRestoreOptions_NamesOfRecoveryOptions(t *testing.T) {
	for option, plain := range map[string]string{
		"recovery-target-timeline=current":        "recovery stops there",
		"Restore-Command=cp /wal/%f %p":           "WAL comes from elsewhere",
		"recovery-min-apply-delay=1h":             "recovery waits",
		"recovery_target_name=off":                "recovery stops there",
		"zero-damaged-pages=on":                   "read as an empty one",
		"ignore_invalid_pages=1":                  "passed over",
		"archive-cleanup-command=rm -f /wal/%r":   "removes segments",
		"standby_mode=on":                         "does not start",
		"recovery-target-timeline=latest":         "",
		"recovery-target-action=shutdown":         "",
		"recovery_min_apply_delay=0":              "",
		"zero-damaged-pages=Off":                  "",
		"primary-conninfo=host=x application=y-z": "",
	} {
		list := restoreOptionsOf(t, "[veza]\npg1-path=/p\n[veza:restore]\nrecovery-option="+option+"\n")
		if plain == "" {
			assert.Empty(t, list, option)
			continue
		}
		if assert.Len(t, list, 1, option) {
			assert.Contains(t, list[0].Plain, plain, option)
			assert.True(t, list[0].Loses, option)
		}
	}
}

// What loses nothing is no finding: where a standby finds its primary, or what is the default.
func TestRestoreOptions_HarmlessOnes(t *testing.T) {
	assert.Empty(t, restoreOptionsOf(t, "[global]\nrepo1-path=/r\n[veza]\npg1-path=/p\n[veza:restore]\n"+
		"recovery-option=primary_conninfo=host=x\nrecovery-option=recovery_target_timeline=latest\ntype=default\n"+
		"set=latest\ndelta=y\nlink-all=y\ntablespace-map=a=/b\narchive-mode=preserve\nprocess-max=4\n"))
	list := restoreOptionsOf(t, "[veza]\npg1-path=/p\ndb-include=a\n[global]\ndb-exclude=b\ndb-include=c\n")
	assert.Len(t, list, 2, "the section of the stanza goes before [global], option by option")
}
