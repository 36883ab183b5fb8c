package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func stream(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(streamDir, name+".jsonl"))
	require.NoError(t, err)
	return text
}

// TestTwoPackages_ThatRunTheSameTestAreNoVerdict: which of them is the drill,
// nobody knows; a failure in the other one is nothing against the backups.
func TestTwoPackages_ThatRunTheSameTestAreNoVerdict(t *testing.T) {
	drill := passing(t)
	for _, failed := range []string{"pass", "restore-fails", "wal-missing"} {
		other := bytes.ReplaceAll(stream(t, failed), []byte("recording/drill"), []byte("recording/other"))
		assert.Equal(t, "2 report_unreadable unknown", verdictOf(bytes.Join([][]byte{drill, other}, nil), nil), failed)
	}
	other := bytes.ReplaceAll(stream(t, "restore-fails"), []byte("recording/drill"), []byte("recording/other"))
	assert.Equal(t, "2 report_unreadable unknown", verdictOf(bytes.Join([][]byte{other, drill}, nil), nil))
}

// TestCached_IsSeenAfterHalfALineOfAnotherPackage: packages run side by side.
func TestCached_IsSeenAfterHalfALineOfAnotherPackage(t *testing.T) {
	half := `{"Action":"output","Package":"example.org/x","Test":"TestX","Output":"no line break"}` + "\n"
	assert.Equal(t, "2 no_tests unknown", verdictOf(between(stream(t, "cached"), half), nil))
}

// TestLabel_ThatIsNoUTF8IsRefusedAndTheFileWritten: quoted, it passes through JSON.
func TestLabel_ThatIsNoUTF8IsRefusedAndTheFileWritten(t *testing.T) {
	text := bytes.ReplaceAll(passing(t), []byte(`rows{check=\"users\"}`), []byte(`rows{check=\"\\xff\"}`))
	prom := filepath.Join(t.TempDir(), "drill.prom")
	w, _, errs := world(bytes.NewReader(text))
	assert.Equal(t, 2, Main([]string{"-textfile", prom}, w))
	assert.Empty(t, errs.String())
	written, err := os.ReadFile(prom)
	require.NoError(t, err)
	assert.Contains(t, string(written), `environment_error{reason="report_unreadable",stanza="demo"} 1`)
}

func TestSummary_SaysWhyNothingRan(t *testing.T) {
	w, out, _ := world(strings.NewReader("=== RUN   TestDrill\n--- PASS: TestDrill (0.00s)\nPASS\n"))
	assert.Equal(t, 2, Main(nil, w))
	assert.Contains(t, out.String(), "no line is an event")
}

// TestDuration_OfAStreamWithoutABeginIsUnknown, not a few centuries.
func TestDuration_OfAStreamWithoutABeginIsUnknown(t *testing.T) {
	text := append([]byte(`{"Time":"yesterday","Action":"start","Package":"p"}`+"\n"), passing(t)...)
	prom := filepath.Join(t.TempDir(), "drill.prom")
	w, out, _ := world(bytes.NewReader(text))
	Main([]string{"-textfile", prom}, w)
	written, err := os.ReadFile(prom)
	require.NoError(t, err)
	assert.NotContains(t, string(written), "drill_duration_seconds", "%s", out)
}

// TestSummary_LetsNoTextDriveTheTerminal: a stanza's name may come from a file.
func TestSummary_LetsNoTextDriveTheTerminal(t *testing.T) {
	text := bytes.ReplaceAll(stream(t, "wal-missing"), []byte(`"demo"`), []byte(`"de\u001b[31mmo"`))
	w, out, _ := world(bytes.NewReader(text))
	assert.Equal(t, 1, Main(nil, w))
	assert.NotContains(t, out.String(), "\x1b")
}
