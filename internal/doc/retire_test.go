package doc

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const retireScript = root + "/fixtures/ansible/roles/dr_drill/files/retire-reports"

// Reports that nobody writes any more go out of sight, and come back into it with the stanza; all else stays.
func TestRetireReports(t *testing.T) {
	const kept = "old/drill-history.jsonl old/state.json shop/a-report.json"
	for name, c := range map[string]struct{ before, reports, after string }{
		"a stanza left the list": {
			"veza/drill-report.json old/drill-report.json old/backup-report.json", "veza/drill-report.json",
			"veza/drill-report.json old/drill-report.json.retired old/backup-report.json.retired " +
				"shop/drill-report.json.retired",
		},
		"it is on the list again": {
			"old/drill-report.json.retired", "old/drill-report.json shop/drill-report.json", "",
		},
		"it is no more, and has a newer report": {
			"old/drill-report.json old/drill-report.json.retired", "shop/drill-report.json",
			"old/drill-report.json.retired",
		},
		"one stanza, which had a directory": {
			"drill-report.json", "./drill-report.json ./backup-report.json",
			"drill-report.json old/drill-report.json.retired shop/drill-report.json.retired",
		},
		"no control any more": {
			"old/drill-report.json old/control-report.json shop/drill-report.json",
			"old/drill-report.json shop/drill-report.json",
			"old/drill-report.json old/control-report.json.retired shop/drill-report.json",
		},
		"names that are parts of each other": {
			"shop/drill-report.json shop.repo2/drill-report.json", "old/drill-report.json shop.repo2/drill-report.json",
			"shop/drill-report.json.retired shop.repo2/drill-report.json",
		},
		"a host that drills nothing": {
			"drill-report.json", "",
			"drill-report.json.retired old/drill-report.json.retired shop/drill-report.json.retired",
		},
		"what is expected of which": {
			"expected.json old/expected.json shop/expected.json", "old/backup-report.json shop/drill-report.json",
			"old/expected.json old/drill-report.json.retired shop/expected.json",
		},
		"no word of others": {
			".git/drill-report.json", "old/drill-report.json shop/drill-report.json", ".git/drill-report.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range strings.Fields(kept + " " + c.before) {
				path := filepath.Join(dir, file)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, nil, 0o600))
			}
			argv := append([]string{dir}, strings.Fields(c.reports)...)
			said, err := exec.CommandContext(t.Context(), retireScript, argv...).CombinedOutput()
			require.NoError(t, err, "%s", said)
			assert.Equal(t, strings.TrimSpace(c.before) != strings.TrimSpace(c.after), len(said) > 0, "%s", said)
			assert.ElementsMatch(t, strings.Fields(kept+" "+c.after), filesOf(t, dir))
			said, err = exec.CommandContext(t.Context(), retireScript, argv...).CombinedOutput()
			require.NoError(t, err)
			assert.Empty(t, string(said), "a second time there is nothing to change")
		})
	}
}

// filesOf are those below a directory, by path.
func filesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}
