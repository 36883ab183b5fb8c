package doc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const splitScript = root + "/fixtures/ansible/roles/dr_drill/files/split-textfile"

// of is what a textfile says of some stanzas.
func of(stanzas ...string) string {
	var text strings.Builder
	for _, metric := range []string{"last_success", "rto_seconds"} {
		text.WriteString("# HELP veza_backup_drill_" + metric + " What it is, stanza=\"shop\" too.\n" +
			"# TYPE veza_backup_drill_" + metric + " gauge\n")
		for _, stanza := range stanzas {
			text.WriteString("veza_backup_drill_" + metric + "{reason=\"none\",stanza=\"" + stanza + "\"} 1\n")
		}
	}
	return text.String()
}

// When a drill host gets a list of stanzas, what the shared textfile said of each goes into a file of its own, and
// nothing is said twice.
func TestSplitTextfile_LosesNoVerdictAndDoublesNone(t *testing.T) {
	for name, c := range map[string]struct {
		before, after map[string]string
		stanzas       []string
	}{
		"one stanza, which gets a file of its own": {
			map[string]string{"d.prom": of("veza")},
			map[string]string{"d_veza.prom": of("veza")},
			[]string{"veza", "shop"},
		},
		"two stanzas": {
			map[string]string{"d.prom": of("veza", "shop")},
			map[string]string{"d_veza.prom": of("veza"), "d_shop.prom": of("shop")},
			[]string{"veza", "shop"},
		},
		"others stay": {
			map[string]string{"d.prom": of("a", "veza", "veza-2")},
			map[string]string{"d.prom": of("a", "veza-2"), "d_veza.prom": of("veza")},
			[]string{"veza"},
		},
		"a newer verdict stays": {
			map[string]string{"d.prom": of("veza", "shop"), "d_veza.prom": "newer 1\n"},
			map[string]string{"d.prom": of("veza"), "d_veza.prom": "newer 1\n", "d_shop.prom": of("shop")},
			[]string{"veza", "shop"},
		},
		"of none of them": {
			map[string]string{"d.prom": of("a")}, map[string]string{"d.prom": of("a")}, []string{"veza"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.before {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
			}
			argv := append([]string{filepath.Join(dir, "d.prom")}, c.stanzas...)
			said, err := exec.CommandContext(t.Context(), splitScript, argv...).CombinedOutput()
			require.NoError(t, err, "%s", said)
			found, err := os.ReadDir(dir)
			require.NoError(t, err)
			after := map[string]string{}
			for _, file := range found {
				text, err := os.ReadFile(filepath.Join(dir, file.Name()))
				require.NoError(t, err)
				after[file.Name()] = string(text)
			}
			assert.Equal(t, c.after, after)
		})
	}
}

// Without a file there is nothing to lose, and it says so.
func TestSplitTextfile_FailsWithoutTheFile(t *testing.T) {
	dir := t.TempDir()
	require.Error(t, exec.CommandContext(t.Context(), splitScript, filepath.Join(dir, "d.prom"), "veza").Run())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
