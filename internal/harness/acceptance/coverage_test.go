package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// elsewhere are the reasons that no fault of this corpus can bring about, and the tests
// that do.
var elsewhere = map[reason.Reason]string{
	reason.ArchivingFailed: "backup/red_test.go: a primary whose archiving was broken",
	reason.RetentionWrong:  "internal/policy: expire took too little, or too much",
}

// Every word a run may end with is brought about by a fault, or it is not known to work.
func TestEveryReason_HasAFault(t *testing.T) {
	has := map[reason.Reason]bool{reason.None: true}
	for _, tab := range corpus.tables {
		for _, r := range tab.rows {
			exit, why := r.expects()
			has[why] = true
			assert.Equal(t, why.Exit(), exit, "%s/%s", tab.test, r.rowName())
		}
	}
	for _, why := range ofStreams(t) {
		has[why] = true
	}
	for _, entry := range reason.Table {
		where, known := elsewhere[entry.Reason]
		assert.NotEqual(t, known, has[entry.Reason], "%s has no fault that brings it about, or one and an excuse (%s)",
			entry.Reason, where)
	}
}

// ofStreams are the reasons of recorded runs of real tests that ended badly.
func ofStreams(t *testing.T) (list []reason.Reason) {
	t.Helper()
	files, err := filepath.Glob("../../../fixtures/streams/*.prom")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, entry := range reason.Table {
			if strings.Contains(string(content), `environment_error{reason="`+string(entry.Reason)+`"`) {
				list = append(list, entry.Reason)
			}
		}
	}
	return list
}

// Every deeper check has a fault whose sentence names it, and every step one that it
// finds, or it might as well not be there.
func TestEveryCheckAndStep_HasAFault(t *testing.T) {
	named := func(is func(fault) bool) bool {
		for _, tab := range corpus.tables {
			for _, r := range tab.rows {
				if f, ok := r.(fault); ok && f.exit != 0 && is(f) {
					return true
				}
			}
		}
		return false
	}
	for _, check := range settings.DeepChecks {
		assert.True(t, named(func(f fault) bool { return strings.HasPrefix(f.words, check) }),
			"no fault turns the deeper check %s red", check)
	}
	for _, step := range suite.Drill.Steps {
		switch step.Name {
		case "launch", "provision", suite.Drill.Final:
			// A directory is made, always; and see fixtures/streams/teardown-*.
		default:
			assert.True(t, named(func(f fault) bool { return f.step == step.Name }), "no fault is found by step %s",
				step.Name)
		}
	}
}

// A corpus of a few faults would prove little, and two rows of one name would hide one.
func TestCorpus_IsLargeAndItsNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, tab := range corpus.tables {
		for _, r := range tab.rows {
			name := tab.test + "/" + r.rowName()
			assert.False(t, seen[name], name)
			seen[name] = true
		}
	}
	assert.Greater(t, len(seen), 45)
}
