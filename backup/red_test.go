package backup

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// Claims that only a seeded source can make red. What an existing repository shows is
// tried on copies, by package acceptance.

// A repository that keeps one full where the policy keeps four is red in retention.
func TestRetention_KeepsTooLittle(t *testing.T) {
	c := seedCheck(t, "one", "repo1-retention-full=1")
	if c == nil {
		return
	}
	first := c.backups[0].Label
	err := c.ask(retentionHolds)
	requireReason(t, reason.RetentionWrong, err)
	assert.ErrorContains(t, err, "gone although it keeps them: "+first)
	c.opened, err = c.listAgain(c.ctx, c.out)
	require.NoError(t, err)
	assert.NotEqual(t, first, c.backups[0].Label)
	assert.NoError(t, c.ask(stanzaIsWell), "the others stay green")
	assert.NoError(t, c.ask(filesAreIntact))
}

// A repository without a cipher is red in encryption, by its objects.
func TestEncryption_Missing(t *testing.T) {
	c := seedCheck(t, "open", "repo1-cipher-type", "repo1-cipher-pass")
	if c == nil {
		return
	}
	requireReason(t, reason.NotEncrypted, c.ask(nothingIsReadable))
	for name, claim := range map[string]func(context.Context, suite.Out, opened) error{
		"stanza": stanzaIsWell, "cadence": backupsAreDaily, "archive": archiveIsWhole, "integrity": filesAreIntact,
	} {
		assert.NoError(t, c.ask(claim), name)
	}
	requireReason(t, reason.PolicyViolated, c.ask(policyHolds))
}

// An archive_command that was stopped is red in archive and in rpo: what it says, and
// what comes of it.
func TestArchive_Stopped(t *testing.T) {
	c := seedCheck(t, "stopped")
	if c == nil {
		return
	}
	require.NoError(t, c.ask(archiveIsWhole))
	c.Settings.RPO = 2 * time.Second
	c.set(t, "archive_command = '/bin/false'")
	requireReason(t, reason.RPOExceeded, c.ask(rowsAreSafeInTime))
	c.waitForFailure(t)
	err := c.ask(archiveIsWhole)
	requireReason(t, reason.ArchivingFailed, err)
	require.ErrorContains(t, err, `archive_command is "/bin/false"`)
	require.ErrorContains(t, err, "archive_command fails")
	assert.NoError(t, c.ask(stanzaIsWell), "the others stay green")
	assert.NoError(t, c.ask(filesAreIntact))
}

// set changes a setting of the seeded cluster, as somebody in production might.
func (c *seededCheck) set(t *testing.T, setting string) {
	t.Helper()
	conn, err := c.Primary(c.ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(c.ctx)) }()
	for _, statement := range []string{"ALTER SYSTEM SET " + setting, "SELECT pg_reload_conf()"} {
		_, err = conn.Exec(c.ctx, statement)
		require.NoError(t, err)
	}
}

// waitForFailure waits until the primary has tried to archive a segment, and could not.
func (c *seededCheck) waitForFailure(t *testing.T) {
	t.Helper()
	conn, err := c.Primary(c.ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(c.ctx)) }()
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Minute)
	defer cancel()
	_, err = conn.Exec(ctx, "SELECT pg_switch_wal()")
	require.NoError(t, err)
	require.NoError(t, wait.For(ctx, "archive_command to fail", 50*time.Millisecond, func(ctx context.Context) error {
		var n int
		if err := conn.QueryRow(ctx, "SELECT failed_count FROM pg_stat_archiver").Scan(&n); err != nil || n > 0 {
			return err
		}
		return errors.New("not yet")
	}))
}
