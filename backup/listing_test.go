package backup

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// What the repository is at fault for is left to the claims; anything else keeps all of them
// from being judged.
func TestListing_Unjudgeable(t *testing.T) {
	require.NoError(t, listing{}.unjudgeable())
	for _, why := range []reason.Reason{reason.NoBackup, reason.RepoCorrupt, reason.RepoDenied, reason.WrongCipher} {
		assert.NoError(t, listing{infoErr: reason.Errorf(why, "x")}.unjudgeable(), why)
	}
	for _, why := range []reason.Reason{
		reason.RepoUnreachable, reason.SandboxFailed, reason.Interrupted, reason.ToolMissing,
	} {
		requireReason(t, why, listing{infoErr: reason.Errorf(why, "x")}.unjudgeable())
	}
	assert.Error(t, listing{infoErr: errors.New("without a reason")}.unjudgeable())
}

// A claim on backups needs some.
func TestListing_Need(t *testing.T) {
	require.NoError(t, listing{backups: of("1F")}.need("veza", 1))
	err := listing{}.need("veza", 2)
	requireReason(t, reason.NoBackup, err)
	require.ErrorContains(t, err, "stanza veza, repository 2: no backup is listed")
	requireReason(t, reason.WrongCipher, listing{infoErr: reason.Errorf(reason.WrongCipher, "x")}.need("veza", 1))
}

// Every claim on backups says so itself, and none panics.
func TestClaims_WithoutBackups(t *testing.T) {
	in := sourceOf(t, rightConf, listing{infoErr: reason.Errorf(reason.WrongCipher, "no passphrase opens it")})
	out, _ := listen()
	requireReason(t, reason.WrongCipher, stanzaIsWell(t.Context(), out, in))
	requireReason(t, reason.WrongCipher, backupsAreDaily(t.Context(), out, in))
	requireReason(t, reason.WrongCipher, archiveIsWhole(t.Context(), out, in))
	requireReason(t, reason.WrongCipher, rowsAreSafeInTime(t.Context(), out, in))
	requireReason(t, reason.WrongCipher, retentionHolds(t.Context(), out, in))
	requireReason(t, reason.WrongCipher, filesAreIntact(t.Context(), out, in))
}

// After a stanza-upgrade, before the first backup, no archive follows the newest backup, and no row that is written is
// safe: neither claim looks at the archive of the cluster before, or at the primary.
func TestClaims_BeforeTheFirstBackupOfACluster(t *testing.T) {
	l := listing{backups: of("1F")}
	l.info.DB = []pgbackrest.Cluster{{ID: 1, RepoKey: 1, Version: "15"}, {ID: 2, RepoKey: 1, Version: "17"}}
	l.backups[0].Database.ID = 1
	in := sourceOf(t, rightConf, l)
	out, _ := listen()
	for name, claim := range map[string]func(context.Context, suite.Out, opened) error{
		"archive": archiveIsWhole, "rpo": rowsAreSafeInTime,
	} {
		err := claim(t.Context(), out, in)
		requireReason(t, reason.NoBackup, err)
		assert.ErrorContains(t, err, "upgraded to PostgreSQL 17", name)
	}
}

func TestWords(t *testing.T) {
	assert.Equal(t, []string{"c"}, without([]string{"a", "b", "c"}, []string{"b", "a", "z"}))
	assert.Empty(t, without([]string{"a"}, []string{"a"}))
	assert.Equal(t, []string{"a", "c"}, both([]string{"a", "b", "c"}, []string{"c", "a", "z"}))
	assert.Empty(t, both([]string{"a"}, nil))
	list := []string{"a", "b"}
	without(list, []string{"a"})
	assert.Equal(t, []string{"a", "b"}, list, "the list itself is not changed")
	assert.Equal(t, []string{"1F", "2D"}, labels(of("1F", "2D")))
	assert.Equal(t, "none", orNone(""))
	assert.Equal(t, "x", orNone("x"))
}
