package backup

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// What production has passes; what archives nothing, or hides that it failed, does not.
func TestPushes(t *testing.T) {
	for command, want := range map[string]bool{
		"pgbackrest --stanza=veza archive-push %p":                                                     true,
		`/usr/bin/pgbackrest --config=/etc/pgbackrest/pgbackrest.conf --stanza=veza archive-push "%p"`: true,
		"test -d /etc/pgbackrest && pgbackrest --stanza=veza archive-push %p":                          false,
		"":                           false,
		"/bin/true":                  false,
		"cp %p /archive/%f":          false,
		"pgbackrest archive-push %p": false,
		"pgbackrest --stanza=other archive-push %p":         false,
		"pgbackrest --stanza=veza archive-push":             false,
		"pgbackrest --stanza=veza archive-push %p || true":  false,
		"pgbackrest --stanza=veza archive-push %p; true":    false,
		"pgbackrest --stanza=veza archive-push %p &":        false,
		"pgbackrest --stanza=veza archive-push %p | logger": false,
		"echo pgbackrest-archive-push --stanza=veza %p":     false,
	} {
		assert.Equal(t, want, pushes(command, "veza"), command)
	}
}

var morning = time.Date(2026, 11, 25, 6, 30, 0, 0, time.UTC)

// archiving is a primary that archives as it should.
func archiving() archiver {
	return archiver{
		mode: "on", command: "pgbackrest --stanza=veza archive-push %p", timeout: time.Minute, systemID: "7",
		lastWAL: "000000010000000000000009", lastAt: morning.Add(-time.Minute), now: morning,
	}
}

// Whatever keeps the primary from archiving is named; a primary that archives, or was not
// asked, has nothing wrong with it.
func TestArchiver_Wrong(t *testing.T) {
	well := archiving()
	require.NoError(t, (*archiver)(nil).wrong("veza", time.Minute))
	require.NoError(t, well.wrong("veza", time.Minute))
	require.NoError(t, (&archiver{unasked: true}).wrong("veza", time.Minute))
	recovered := well
	recovered.failedWAL, recovered.failedAt = recovered.lastWAL, recovered.lastAt.Add(-time.Second)
	require.NoError(t, recovered.wrong("veza", time.Minute), "the next try went well")
	busy := well
	busy.waiting, busy.oldest = 3, morning.Add(-stuckTime)
	require.NoError(t, busy.wrong("veza", time.Minute), "they do not wait for too long yet")
	for says, harm := range map[string]func(*archiver){
		"archive_mode is off":     func(a *archiver) { a.mode = "off" },
		"archive_library is x":    func(a *archiver) { a.library = "x" },
		`archive_command is ""`:   func(a *archiver) { a.command = "" },
		"archive_timeout is 5m0s": func(a *archiver) { a.timeout = 5 * time.Minute },
		"archive_command fails: 00000001000000000000000A": func(a *archiver) {
			a.failedWAL, a.failedAt = "00000001000000000000000A", morning.Add(-time.Second)
		},
		"archived is none, at no time": func(a *archiver) {
			a.lastWAL, a.lastAt, a.failedAt = "", time.Time{}, morning.Add(-time.Second)
		},
		"3 segments wait": func(a *archiver) { a.waiting, a.oldest = 3, morning.Add(-time.Hour) },
		"archive_mode is always: it must be on; archive_timeout is 0s": func(a *archiver) {
			a.mode, a.timeout = "always", 0
		},
	} {
		ill := well
		harm(&ill)
		err := ill.wrong("veza", time.Minute)
		require.ErrorContains(t, err, says)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ArchivingFailed, why)
	}
}

// The primary must be the cluster the backups are of, where it is asked.
func TestArchiver_Of(t *testing.T) {
	a := archiving()
	require.NoError(t, a.of("7", "20261122-020000F"))
	require.NoError(t, (*archiver)(nil).of("7", "20261122-020000F"))
	err := a.of("8", "20261122-020000F")
	requireReason(t, reason.ArchivingFailed, err)
	assert.ErrorContains(t, err, "system identifier 7, and the newest backup 20261122-020000F is of 8")
	assert.ErrorContains(t, err, "run pgbackrest stanza-upgrade, then take a full backup")
	a.systemID = ""
	require.NoError(t, a.of("8", "20261122-020000F"), "it does not say")
}

// A failure that the next try mended, and a last file that is no segment, are worth a note.
func TestArchiver_Warnings(t *testing.T) {
	failedAt := func(when time.Time) func(*archiver) {
		return func(a *archiver) { a.failedWAL, a.failedAt = "W", when }
	}
	for name, c := range map[string]struct {
		change func(*archiver)
		says   string // "" is no warning
	}{
		"Well":        {func(*archiver) {}, ""},
		"Mended":      {failedAt(morning.Add(-2 * time.Minute)), "archive_command failed for W"},
		"MendedLong":  {failedAt(morning.Add(-freshTime)), ""},
		"StillFails":  {failedAt(morning), ""},
		"NoneYet":     {func(a *archiver) { a.lastWAL = "" }, "names no segment as its last archived file (none)"},
		"HistoryLast": {func(a *archiver) { a.lastWAL = "00000002.history" }, "(00000002.history)"},
	} {
		a := archiving()
		c.change(&a)
		said := strings.Join(a.warnings(), "\n")
		assert.Contains(t, said, c.says, name)
		assert.Equal(t, c.says == "", said == "", name)
	}
}

// What was seen is printed, also where there is nothing yet.
func TestArchiver_Lines(t *testing.T) {
	a := archiving()
	assert.Equal(t, []string{
		"archive_mode=on archive_timeout=1m0s archive_command=pgbackrest --stanza=veza archive-push %p",
		"last archived 000000010000000000000009 at 2026-11-25 06:29:00Z, last failed none at no time, 0 waiting",
	}, a.lines())
}
