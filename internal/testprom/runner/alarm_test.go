package runner

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/alarm"
	"veza.fr/recovery/internal/testprom/textfile"
)

// What does not go together is refused before anything is written.
func TestAlarm_RefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "alarm.prom")
	drill := filepath.Join(dir, "drill.prom")
	text, err := os.ReadFile(filepath.Join(streamDir, "pass.prom"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(drill, text, 0o600))
	node := filepath.Join(dir, "node.prom")
	require.NoError(t, os.WriteFile(node, []byte("node_x 1\n"), 0o600))
	const to = "http://127.0.0.1:1"
	red := filepath.Join(dir, "veza_backup_alarm_test.prom")
	for want, args := range map[string][]string{
		"needs -alertmanager URL":       {"-alarm-test", "-textfile", file},
		"needs -textfile FILE":          {"-alarm-test", "-alertmanager", to},
		"go with -alarm-test":           {"-alertmanager", to, "--", "true"},
		"runs no command":               {"-alarm-test", "-alertmanager", to, "-textfile", file, "--", "true"},
		"only -textfile":                {"-alarm-test", "-alertmanager", to, "-textfile", file, "-report", "x"},
		"the red drill has that name":   {"-alarm-test", "-alertmanager", to, "-textfile", red},
		"holds what -suite drill found": {"-alarm-test", "-alertmanager", to, "-textfile", drill},
		"node_x, which is another":      {"-alarm-test", "-alertmanager", to, "-textfile", node},
		"no such file":                  {"-alarm-test", "-alertmanager", to, "-textfile", dir + "/none/x.prom"},
		"-prometheus must be a URL": {
			"-alarm-test", "-alertmanager", to, "-prometheus", "x", "-textfile", file,
		},
		"waiting for -alertmanager to answer": {
			"-alarm-test", "-alertmanager", to, "-limit", "10ms", "-textfile", file,
		},
	} {
		w, out, errs := world(nil)
		assert.Equal(t, 2, Main(args, w), want)
		assert.Contains(t, errs.String(), want)
		assert.Empty(t, out.String(), want)
	}
	left, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	assert.Equal(t, []string{drill, node}, left)
}

// The red drill of a test that a power cut ended is removed by the next run, whatever it drills or checks. One of a
// test that may be at work stays.
func TestAlarm_ARunRemovesWhatATestLeft(t *testing.T) {
	for age, left := range map[time.Duration]bool{3 * time.Hour: true, time.Hour: false, -time.Hour: false} {
		dir := t.TempDir()
		red := filepath.Join(dir, alarm.File)
		require.NoError(t, textfile.Files{}.WriteRed(red, alarm.Stanza))
		require.NoError(t, os.Chtimes(red, now.Add(-age), now.Add(-age)))
		w, out, errs := world(bytes.NewReader(stream(t, "backup-pass")))
		args := []string{"-suite", "backup", "-textfile", filepath.Join(dir, "b.prom")}
		require.Equal(t, 0, Main(args, w), "%s%s", out, errs)
		_, err := os.Stat(red)
		assert.Equal(t, left, errors.Is(err, fs.ErrNotExist), age)
		assert.Equal(t, left, strings.Contains(out.String(), red+" is removed"), age)
	}
}
