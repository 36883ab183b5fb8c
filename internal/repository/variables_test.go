package repository

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// notes are the lines the report keeps.
type notes []string

func (n *notes) Say(string, ...any)              {}
func (n *notes) Note(format string, args ...any) { *n = append(*n, fmt.Sprintf(format, args...)) }

// What pgBackRest would take from the environment is said, or refused where it decides what is judged.
func TestCheckVariables(t *testing.T) {
	r := load(t, "[global]\nrepo1-path=/repo\n[veza]\npg1-path=/p\n")
	for _, c := range []struct{ variable, refused, note string }{
		{"PGHOST=x", "", ""},
		{"PGBACKREST_REPO1_PATH=/other", "", "PGBACKREST_REPO1_PATH is set here and not taken"},
		{"PGBACKREST_PROCESS_MAX=4", "", "PGBACKREST_PROCESS_MAX is set"},
		{"PGBACKREST_REPO1_RETENTION_FULL=2", "", "PGBACKREST_REPO1_RETENTION_FULL is set"},
		{"PGBACKREST_REPO2_PATH=/other", "", "PGBACKREST_REPO2_PATH is set"},
		{"PGBACKREST_CONFIG=/c", "", "PGBACKREST_CONFIG is set"},
		{"PGBACKREST_REPO1_CIPHER_PASS=s3cret", "has no repo1-cipher-pass", ""},
		{"PGBACKREST_REPO_CIPHER_PASS=s3cret", "has no repo1-cipher-pass", ""},
		{"PGBACKREST_BACKUP_HOST=s3cret", "has no repo1-host", ""},
	} {
		var said notes
		err := r.CheckVariables(&said, []string{c.variable})
		if c.refused == "" {
			assert.NoError(t, err, c.variable)
		} else {
			why, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, why, c.variable)
			assert.ErrorContains(t, err, c.refused)
			assert.NotContains(t, err.Error(), "s3cret")
		}
		all := fmt.Sprint(said)
		assert.Contains(t, all, c.note)
		assert.NotContains(t, all, "/other")
		if c.note == "" {
			assert.Empty(t, said)
		}
	}
}

// A name that restore_command cannot hold is warned of, any other is not.
func TestSayName(t *testing.T) {
	for name, said := range map[string]bool{
		"veza": false, "prod@eu:5432": false, "prod main": false, "(prod)": true, "it's": true,
	} {
		var log notes
		Repository{Stanza: name}.SayName(&log)
		assert.Equal(t, said, len(log) == 1, name)
	}
}
