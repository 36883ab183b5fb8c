package backup

import (
	"os"
	"testing"

	"veza.fr/recovery/internal/suite"
)

// TestBackup asks of a repository what an operator would. Each claim is a subtest, and
// stands for itself: a failed one stops none of the others. Which of them are asked is
// decided, and published, before the first one starts; the others are not started.
func TestBackup(t *testing.T) {
	run := suite.Begin(t, suite.Backup, "backup_test.go")
	source := suite.Open(run, open, request{bind(), pending, os.Environ()})
	run.Choose(source.Settings.Claims)
	run.Ask(suite.Open(run, chooseClaims, source))

	// The pgbackrest.conf in use says what the policy says.
	suite.Claim(run, "policy", policyHolds, source)
	// The stanza is well, and of the cluster it should be of.
	suite.Claim(run, "stanza", stanzaIsWell, source)
	// No backup is missing, and the newest ones are young.
	suite.Claim(run, "cadence", backupsAreDaily, source)
	// The primary archives, and nothing is missing from the archive.
	suite.Claim(run, "archive", archiveIsWhole, source)
	// A row is safe in time.
	suite.Claim(run, "rpo", rowsAreSafeInTime, source)
	// Expire keeps what the policy keeps, and what is kept restores.
	suite.Claim(run, "retention", retentionHolds, source)
	// Nobody reads a backup without the passphrase.
	suite.Claim(run, "encryption", nothingIsReadable, source)
	// Every file has the checksum it was written with.
	suite.Claim(run, "integrity", filesAreIntact, source)
}
