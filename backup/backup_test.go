package backup

import (
	"testing"

	"veza.fr/recovery/internal/suite"
)

// TestBackup asks of a repository what an operator would. Each claim is a subtest, and
// stands for itself: a failed one stops none of the others. Which of them are asked is
// decided, and published, before the first one starts; the others are not started.
func TestBackup(t *testing.T) {
	run := suite.Begin(t, suite.Backup, "backup_test.go")
	opened := suite.Open(run, open, request{environment: bind(), pending: pending})
	run.Ask(suite.Open(run, chooseClaims, opened))

	// The pgbackrest.conf in use says what the policy says.
	suite.Claim(run, "policy", policyHolds, opened)
	// The stanza is well, and of the cluster it should be of.
	suite.Claim(run, "stanza", stanzaIsWell, opened)
	// No backup is missing, and the newest ones are young.
	suite.Claim(run, "cadence", backupsAreDaily, opened)
	// The primary archives, and nothing is missing from the archive.
	suite.Claim(run, "archive", archiveIsWhole, opened)
	// A row is safe in time.
	suite.Claim(run, "rpo", rowsAreSafeInTime, opened)
	// Expire keeps what the policy keeps, and what is kept restores.
	suite.Claim(run, "retention", retentionHolds, opened)
	// Nobody reads a backup without the passphrase.
	suite.Claim(run, "encryption", nothingIsReadable, opened)
	// Every file has the checksum it was written with.
	suite.Claim(run, "integrity", filesAreIntact, opened)
}
