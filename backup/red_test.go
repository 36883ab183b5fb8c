package backup

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// Claims that only a seeded source can make red. What an existing repository shows is
// tried on copies, by package acceptance.

// A repository that keeps one full where the policy keeps four is red in retention.
func TestRetention_KeepsTooLittle(t *testing.T) {
	b := aside(t, "one", "repo1-retention-full=1")
	if b == nil {
		return
	}
	err := b.retention(b.ctx)
	requireReason(t, reason.RetentionWrong, err)
	assert.ErrorContains(t, err, "gone although it keeps them: "+b.first)
	assert.NoError(t, b.healthy(b.ctx), "the others stay green")
	assert.NoError(t, b.integrity(b.ctx))
}

// A repository without a cipher is red in encryption, by its objects.
func TestEncryption_Missing(t *testing.T) {
	b := aside(t, "open", "repo1-cipher-type", "repo1-cipher-pass")
	if b == nil {
		return
	}
	requireReason(t, reason.NotEncrypted, b.encryption(b.ctx))
	for name, claim := range map[string]func(context.Context) error{
		"stanza": b.healthy, "cadence": b.cadence, "archive": b.archived, "integrity": b.integrity,
	} {
		assert.NoError(t, claim(b.ctx), name)
	}
	requireReason(t, reason.PolicyViolated, b.policy(b.ctx))
}

// An archive_command that was stopped is red in archive and in rpo: what it says, and
// what comes of it.
func TestArchive_Stopped(t *testing.T) {
	b := aside(t, "stopped")
	if b == nil {
		return
	}
	require.NoError(t, b.archived(b.ctx))
	b.settings.RPO = 2 * time.Second
	b.set(t, "archive_command = '/bin/false'")
	requireReason(t, reason.RPOExceeded, b.rpo(b.ctx))
	b.failed(t)
	err := b.archived(b.ctx)
	requireReason(t, reason.ArchivingFailed, err)
	require.ErrorContains(t, err, `archive_command is "/bin/false"`)
	require.ErrorContains(t, err, "archive_command fails")
	assert.NoError(t, b.healthy(b.ctx), "the others stay green")
	assert.NoError(t, b.integrity(b.ctx))
}

// subject is a check on a source of its own.
type subject struct {
	*check
	first string // label of its first backup
}

// aside opens a check on a small seeded source, with options of pgbackrest.conf that are
// not the policy's; nil where an existing repository is checked: nobody seeds a cluster on
// a machine of production.
func aside(t *testing.T, name string, options ...string) *subject {
	t.Helper()
	if testing.Short() {
		t.Skip("seeds a cluster")
	}
	b := newCheck(t)
	seed := b.env.Seed
	if s, err := pending.Load(os.Environ()); err != nil || s.Conf != "" || seed == nil {
		return nil // TestBackup says what is wrong with a setting
	}
	t.Parallel()
	b.alone, b.env.Stanza = true, b.env.Stanza+"-"+name
	b.env.Seed = func(ctx context.Context, s settings.Settings, spec sandbox.Spec) (*source.Seeded, error) {
		s.Rows = 1000
		seeded, err := seed(ctx, s, spec)
		seeded.Options = slices.Clone(options)
		return seeded, err
	}
	require.NoError(t, b.open(b.ctx))
	require.NoError(t, b.infoErr)
	return &subject{b, b.backups[0].Label}
}

// set changes a setting of the seeded cluster, as somebody in production might.
func (s *subject) set(t *testing.T, setting string) {
	t.Helper()
	conn, err := s.primary(s.ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(s.ctx)) }()
	for _, statement := range []string{"ALTER SYSTEM SET " + setting, "SELECT pg_reload_conf()"} {
		_, err = conn.Exec(s.ctx, statement)
		require.NoError(t, err)
	}
}

// failed waits until the primary has tried to archive a segment, and could not.
func (s *subject) failed(t *testing.T) {
	t.Helper()
	conn, err := s.primary(s.ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(s.ctx)) }()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
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

func requireReason(t *testing.T, want reason.Reason, err error) {
	t.Helper()
	why, _ := reason.Of(err)
	require.Equal(t, want, why, "%v", err)
}
