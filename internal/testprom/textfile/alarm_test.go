package textfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// The red drill of the alarm's test is a verdict and nothing else: it is no stanza of any list, and never old. Its
// help is the real file's to the letter, or node_exporter would drop one of them.
func TestWriteRed_IsAVerdictAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "red.prom")
	require.NoError(t, Files{}.WriteRed(path, "alarm-test"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	const name = "veza_backup_drill_last_success"
	assert.Equal(t, "# HELP "+name+" "+Definitions(suite.Drill)[0].Help+"\n# TYPE "+name+" gauge\n"+
		name+`{reason="restore_failed",stanza="alarm-test"} 0`+"\n", string(text))
	assert.True(t, Files{}.Holds(path, suite.Drill.Namespace))
}

// What the test found takes the place of what the one before found.
func TestWriteAlarmPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alarm.prom")
	at := time.UnixMilli(1_800_000_000_250)
	for _, success := range []bool{true, false} {
		require.NoError(t, Files{}.WriteAlarmPath(path, success, at))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		want := "\nveza_backup_alarm_path_success 0\n"
		if success {
			want = "\nveza_backup_alarm_path_success 1\n"
		}
		assert.Contains(t, string(text), want)
		assert.Contains(t, string(text), "\nveza_backup_alarm_path_last_run_timestamp_seconds 1.80000000025e+09\n")
	}
}

// Counters of all receivers count together; what is not there is not 0.
func TestSum(t *testing.T) {
	text := []byte("# TYPE a_total counter\na_total{integration=\"email\"} 2\na_total{integration=\"webhook\"} 3\n" +
		"# TYPE b gauge\nb 7\nc 1\n")
	for name, want := range map[string]float64{"a_total": 5, "b": 7, "c": 1} {
		got, there := Files{}.Sum(text, name)
		assert.True(t, there, name)
		assert.InDelta(t, want, got, 0, name)
	}
	_, there := Files{}.Sum(text, "d")
	assert.False(t, there)
	_, there = Files{}.Sum([]byte("{"), "b")
	assert.False(t, there)
}
