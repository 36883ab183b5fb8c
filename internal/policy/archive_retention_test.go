package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
)

func ofTypes(labels ...string) (list []pgbackrest.Backup) {
	kinds := map[byte]string{'F': "full", 'D': "diff", 'I': "incr"}
	for _, label := range labels {
		list = append(list, pgbackrest.Backup{Label: label, Type: kinds[label[len(label)-1]]})
	}
	return list
}

// From which backup on the archive is whole, by what the conf says of it.
func TestArchiveRetention(t *testing.T) {
	all := ofTypes("1F", "1F_2D", "3F", "3F_4D", "3F_5I", "6F", "6F_7D")
	for _, c := range []struct {
		options, whole, says string
	}{
		{"repo1-retention-archive=1", "6F", "repo1-retention-archive=1 (/c:2)"},
		{"repo1-retention-archive=2", "3F", ""},
		{"repo1-retention-archive=3", "1F", ""},
		{"repo1-retention-archive=4", "", ""}, // too soon to expire
		{"", "", ""},
		{"repo1-retention-full=2", "3F", "repo1-retention-full=2"},
		{"repo1-retention-full=1\nrepo1-retention-full-type=time", "", ""},
		{"repo1-retention-full=30\nrepo1-retention-full-type=time\nrepo1-retention-archive=1", "6F", ""},
		{"retention-archive=1", "6F", "retention-archive=1, an old name of repo1-retention-archive"},
		{"repo1-retention-archive=1\nrepo1-retention-archive-type=diff", "6F_7D", "repo1-retention-archive-type=diff"},
		{"repo1-retention-archive=3\nrepo1-retention-archive-type=diff", "3F_4D", ""},
		{"repo1-retention-archive=4\nrepo1-retention-archive-type=incr", "3F_4D", ""},
		{"repo1-retention-diff=2\nrepo1-retention-archive-type=diff", "6F", "repo1-retention-diff=2"},
		{"repo1-retention-full=2\nrepo1-retention-archive-type=incr", "", ""},
		{"repo1-retention-archive=x", "", ""},
		{"repo2-retention-archive=1", "", ""},
		// A backup expires when it is done, with the options of its own section.
		{"repo1-retention-full=4\n[global:backup]\nrepo1-retention-archive=1", "6F", "archive=1 (/c:4)"},
		{"repo1-retention-full=4\n[veza:backup]\nrepo1-retention-archive=2", "3F", "archive=2 (/c:4)"},
		{"repo1-retention-archive=2\n[global:backup]\nrepo1-retention-archive=3", "3F", "archive=2 (/c:2)"},
		{"repo1-retention-archive=3\n[global:expire]\nrepo1-retention-archive=2", "3F", "archive=2 (/c:4)"},
		{"repo1-retention-full=4\n[global:restore]\nrepo1-retention-archive=1", "", "full=4 (/c:2)"},
		{
			"repo1-retention-full=4\n[global:backup]\nexpire-auto=n\nrepo1-retention-archive=1", "", "full=4 (/c:2)",
		},
	} {
		conf, err := pgbackrest.ParseConfig("/c", []byte("[global]\n"+c.options+"\n[veza]\npg1-path=/p\n"))
		require.NoError(t, err)
		r := RetentionOfArchive(conf, "veza", 1, all, all)
		label, ok := r.WholeFrom(all, all)
		assert.Equal(t, c.whole, label, c.options)
		assert.Equal(t, c.whole != "", ok, c.options)
		assert.Contains(t, r.Said, c.says, c.options)
	}
	one := ArchiveRetention{Backups: 1, Types: []string{"full"}}
	label, ok := one.WholeFrom(all, ofTypes("1F", "1F_2D", "3F")) // of the cluster before an upgrade
	assert.True(t, ok)
	assert.Equal(t, "3F", label)
}

// The least that any command which expires keeps is what is there for sure.
func TestKeptDiffs(t *testing.T) {
	for options, want := range map[string]int{
		"repo1-retention-diff=7": 7, "": 0, "repo1-retention-diff=seven": 0, "repo2-retention-diff=7": 0,
		"repo1-retention-diff=7\n[global:backup]\nrepo1-retention-diff=2":                2,
		"repo1-retention-diff=3\n[global:backup]\nrepo1-retention-diff=7":                3,
		"[veza:backup]\nrepo1-retention-diff=2":                                          2,
		"repo1-retention-diff=7\n[global:backup]\nexpire-auto=n\nrepo1-retention-diff=2": 7,
		"repo1-retention-diff=7\n[global:restore]\nrepo1-retention-diff=2":               7,
	} {
		conf, err := pgbackrest.ParseConfig("/c", []byte("[global]\n"+options+"\n[veza]\npg1-path=/p\n"))
		require.NoError(t, err)
		assert.Equal(t, want, KeptDiffs(conf, "veza", 1), options)
	}
}
