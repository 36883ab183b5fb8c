package verify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wal"
)

func TestTargetSides(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	commit := func(after time.Duration) *time.Time { at := noon.Add(after); return &at }
	rowsUpTo := func(after time.Duration, lsn wal.LSN) *verify.Heartbeat {
		return &verify.Heartbeat{Count: 9, First: 1, Last: 10, Missing: 1, NewestAt: noon.Add(after), NewestLSN: lsn}
	}
	byTime := target.Target{Kind: target.Time, Time: noon}
	byName := target.Target{Kind: target.Name, Name: "p"}
	byLSN := target.Target{Kind: target.LSN, LSN: "0/5000000"}
	const (
		timeLine = "recovery stopping before commit of transaction 7, time 2026-11-25 12:00:05+00"
		nameLine = `recovery stopping at restore point "p", time 2026-11-25 12:00:00+00`
		lsnLine  = `recovery stopping after WAL location (LSN) "0/5000028"`
	)
	for name, c := range map[string]struct {
		target    target.Target
		stopping  string
		commit    *time.Time
		heartbeat *verify.Heartbeat
		says      string // of the pass
		wrong     string
	}{
		"time": {
			byTime, timeLine, commit(0), rowsUpTo(-time.Second, 1),
			"the newest heartbeat row is 10, 1s before it, 1 heartbeat rows before it are missing", "",
		},
		"time, a later commit": {
			byTime, timeLine, commit(time.Microsecond), nil,
			"", "a commit of 2026-11-25T12:00:00.000001Z came back",
		},
		"time, a later heartbeat row": {
			byTime, timeLine, nil, rowsUpTo(time.Microsecond, 1),
			"", "heartbeat row 10",
		},
		"time, nothing replayed": {
			byTime, timeLine, nil, nil,
			"no commit was replayed", "",
		},
		"name": {
			byName, nameLine, commit(time.Second), rowsUpTo(time.Second, 1),
			"two-sided at name:p", "",
		},
		"name, a later commit": {
			byName, nameLine, commit(time.Second + 1), nil,
			"", "the restore point was made at 2026-11-25T12:00:00Z",
		},
		"name, a later heartbeat row": {
			byName, nameLine, nil, rowsUpTo(2*time.Second, 1),
			"", "heartbeat row 10",
		},
		"lsn": {
			byLSN, lsnLine, commit(time.Hour), rowsUpTo(time.Hour, 0x5000028),
			"two-sided at lsn:0/5000000", "",
		},
		"lsn, a row from after it": {
			byLSN, lsnLine, nil, rowsUpTo(0, 0x5000029),
			"", "written at 0/5000029",
		},
	} {
		t.Run(name, func(t *testing.T) {
			sides := verify.TargetSides{
				Target: c.target, Log: postgres.Log{Stopping: c.stopping}, Commit: c.commit, Heartbeat: c.heartbeat,
			}
			text, err := sides.Check()
			if c.wrong == "" {
				require.NoError(t, err)
				assert.Contains(t, text, c.says)
				return
			}
			require.ErrorContains(t, err, c.wrong)
			why, _ := reason.Of(err)
			assert.Equal(t, reason.RecoveryIncomplete, why)
		})
	}
}
