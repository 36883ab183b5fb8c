package backup

import (
	"testing"

	"veza.fr/recovery/internal/suite"
)

// TestBackup asks of a repository what an operator would. Each claim is a subtest, and
// stands for itself: a failed one stops none of the others. Which of them are asked is
// decided, and published, before the first one starts; the others are not started.
func TestBackup(t *testing.T) {
	suite.NeverCached(t, "backup_test.go")
	if testing.Short() {
		t.Skip("-short leaves the backup checks out; testprom reports that as no_tests")
	}
	b := begin(t)

	// The pgbackrest.conf in use says what the policy says.
	b.claim("policy", b.policy)
	// The stanza is well, and of the cluster it should be of.
	b.claim("stanza", b.healthy)
	// No backup is missing, and the newest ones are young.
	b.claim("cadence", b.cadence)
	// The primary archives, and nothing is missing from the archive.
	b.claim("archive", b.archived)
	// A row is safe in time.
	b.claim("rpo", b.rpo)
	// Expire keeps what the policy keeps, and what is kept restores.
	b.claim("retention", b.retention)
	// Nobody reads a backup without the passphrase.
	b.claim("encryption", b.encryption)
	// Every file has the checksum it was written with.
	b.claim("integrity", b.integrity)
}
