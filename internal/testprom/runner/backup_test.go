package runner

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// judged is a recorded run of the backup checks through testprom: what it says, and its
// report.
func judged(t *testing.T, name string) (exit int, said string, report document) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.json")
	w, out, errs := world(bytes.NewReader(stream(t, name)))
	exit = Main([]string{"-suite", "backup", "-report", path}, w)
	require.Empty(t, errs.String())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &report))
	return exit, out.String(), report
}

func TestBackup_APassIsToldInItsOwnWords(t *testing.T) {
	exit, said, report := judged(t, "backup-six")
	assert.Zero(t, exit)
	assert.Contains(t, said, "PASSED  backup checks of stanza demo in ")
	assert.Contains(t, said, "every claim that was asked holds")
	assert.Contains(t, said, "  not asked  rpo, retention\n")
	assert.NotContains(t, said, "restore")
	assert.NotContains(t, said, "claim success")
	assert.Equal(t, "backup", report.Suite)
	assert.Equal(t, "sound", report.Backups)
	assert.Equal(t, "not asked", report.Steps[4].Outcome)
	assert.Nil(t, report.Steps[4].Seconds)
}

func TestBackup_EveryClaimThatFailedIsNamed(t *testing.T) {
	exit, said, report := judged(t, "backup-two-claims-fail")
	assert.Equal(t, 1, exit)
	assert.Contains(t, said, "FAILED  backup checks of stanza demo")
	assert.Contains(t, said, "wal_missing (claim archive)")
	assert.Contains(t, said, "  failed too encryption  not_encrypted  encryption: what exactly is wrong\n")
	assert.Contains(t, said, "→ integrity\n", "claims after a failed one are shown")
	assert.NotContains(t, said, "not run")
	assert.Equal(t, reason.WALMissing, report.Reason)
	assert.Equal(t, "at_fault", report.Backups)

	_, said, _ = judged(t, "backup-claim-skipped")
	assert.Contains(t, said, "no_tests (claim encryption)")
	assert.Contains(t, said, "claim encryption is skipped")
}

func TestBackup_ACleanUpThatFailedLeavesTheVerdict(t *testing.T) {
	exit, said, report := judged(t, "backup-cleanup-fails")
	assert.Equal(t, 2, exit)
	assert.Contains(t, said, "PASSED, BUT NOT CLEANED UP  backup checks of stanza demo")
	assert.Contains(t, said, "only cleaning up after the run failed")
	assert.Equal(t, "sound", report.Backups)
	assert.Equal(t, reason.SandboxFailed, report.Reason)
}

// TestPrepare_TheBackupChecksHaveADeadlineOfTheirOwn: verify reads the whole repository,
// and nothing is restored.
func TestPrepare_TheBackupChecksHaveADeadlineOfTheirOwn(t *testing.T) {
	for typed, want := range map[string]string{
		"go test ./backup":             "-timeout=45m0s",
		"go test ./backup -rto 3h":     "-timeout=45m0s",
		"go test -timeout=2h ./backup": "-timeout=2h",
	} {
		c, err := prepare(suite.Backup, strings.Fields(typed), []string{"DRILL_RTO=5h"}, nil)
		require.NoError(t, err)
		assert.Contains(t, c.argv, want, typed)
		assert.Equal(t, "-timeout="+c.timeout.String(), strings.Replace(want, "=2h", "=2h0m0s", 1), typed)
	}
}

// TestTextfile_OfAnotherSuiteIsRefusedBeforeTheRun: a slip in a unit must not take the
// drill's verdicts away.
func TestTextfile_OfAnotherSuiteIsRefusedBeforeTheRun(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(streamDir, "pass.prom"))
	require.NoError(t, err)
	prom := filepath.Join(t.TempDir(), "veza_backup_drill.prom")
	require.NoError(t, os.WriteFile(prom, text, 0o600))
	ran := filepath.Join(t.TempDir(), "ran")
	w, _, errs := world(strings.NewReader(""))
	assert.Equal(t, 2, Main([]string{"-suite", "backup", "-textfile", prom, "--", "touch", ran}, w))
	assert.Contains(t, errs.String(), "it holds what -suite drill found")
	assert.NoFileExists(t, ran)
	left, err := os.ReadFile(prom)
	require.NoError(t, err)
	assert.Equal(t, text, left)
}

// TestTextfile_OfTheBackupChecksKeepsItsVerdictThroughExit2.
func TestTextfile_OfTheBackupChecksKeepsItsVerdictThroughExit2(t *testing.T) {
	prom := filepath.Join(t.TempDir(), "veza_backup_check.prom")
	for _, name := range []string{"backup-claim-fails", "backup-root-reason"} {
		w, _, errs := world(bytes.NewReader(stream(t, name)))
		assert.NotZero(t, Main([]string{"-suite", "backup", "-textfile", prom}, w))
		require.Empty(t, errs.String())
	}
	text, err := os.ReadFile(prom)
	require.NoError(t, err)
	assert.Contains(t, string(text), `veza_backup_check_last_success{reason="backup_missed",stanza="demo"} 0`)
	assert.Contains(t, string(text), `veza_backup_check_environment_error{reason="config_invalid",stanza="demo"} 1`)
	assert.NotContains(t, string(text), "claim_success", "nothing was asked")
}
