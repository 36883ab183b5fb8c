package acceptance

import (
	"testing"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Each fault turns the claims red that it concerns, and no other.
func TestChecks(t *testing.T) { claimFaults.run(t) }

var claimFaults = checkFaults("TestChecks", plain, []checkFault{
	{
		name: "Clean",
		exit: 0, why: reason.None, words: "archive whole over timeline 1 | retention is not asked | rpo is not asked",
	},

	{
		name: "CertificateNotVerified", inject: option("repo1-storage-verify-tls", "n"),
		exit: 1, why: reason.PolicyViolated, red: "policy", words: "{conf}: | repo1-storage-verify-tls=n",
	},
	{
		name: "RepositoryOfThen", inject: option("repo1-target-time", "2026-01-01 00:00:00"),
		exit: 2, why: reason.ConfigInvalid, words: "repo1-target-time",
	},
	{
		name: "PlaceholderSecret", inject: option("repo1-s3-key-secret", "CHANGEME"),
		exit: 2, why: reason.PlaceholderSecret, words: "repo1-s3-key-secret",
	},
	{
		name: "RetentionOfOne", inject: option("repo1-retention-full", "1"),
		exit: 1, why: reason.PolicyViolated, red: "policy", words: "repo1-retention-full=1",
	},
	{
		name: "OtherCompression", inject: option("compress-type", "gz"),
		exit: 1, why: reason.PolicyViolated, red: "policy", words: "compress-type=gz",
	},
	{ // by the mission's policy the conf is right
		name: "OtherPolicy", inject: policyFile("retention_full: 5"), args: "-policy {dir}/policy.yml",
		exit: 1, why: reason.PolicyViolated, red: "policy", words: "repo1-retention-full=4 | it must be 5",
	},
	{ // and this one by its own alone
		name: "PolicyOfTheFile", inject: func(rc *repoCopy) {
			policyFile("retention_full: 5\ncompress_type: gz\ncompress_level: 6")(rc)
			rc.set("repo1-retention-full", "5")
			rc.set("compress-type", "gz")
			rc.set("compress-level", "6")
		}, args: "-policy {dir}/policy.yml",
		exit: 0, why: reason.None, words: "the policy is that of {dir}/policy.yml",
	},
	{name: "ConfForEverybody", inject: readable, exit: 1, why: reason.PolicyViolated, red: "policy", words: "{conf}"},

	{
		name: "DiffMissed", inject: aged(40 * time.Hour), env: "PATH={dir}/path",
		exit: 1, why: reason.BackupMissed, red: "cadence", words: "{newest} | no backup on",
	},
	{name: "FullMissed", args: "-full-age 1ms", exit: 1, why: reason.BackupMissed, red: "cadence", words: "full"},
	{
		name: "BackupTooOld", args: "-backup-age 1ms",
		exit: 1, why: reason.BackupMissed, red: "cadence", words: "{newest}",
	},

	{
		name: "HoleInTheArchive", inject: without(archived("{middle}")),
		exit: 1, why: reason.WALMissing, red: "archive", words: "{middle}",
	},
	{
		name: "SegmentAnOldBackupNeeds", inject: without(archived("{fullstop}")),
		exit: 1, why: reason.WALMissing, red: "archive", words: "{fullstop}",
	},

	{
		name: "SegmentFlipped", inject: damaged(flipped, archived("{middle}")),
		exit: 1, why: reason.RepoCorrupt, red: "integrity",
	},
	{
		name: "FileFlipped", inject: onLargest(flipped),
		exit: 1, why: reason.RepoCorrupt, red: "integrity", words: "{full}",
	},

	{
		name: "PlainTextInTheBucket", inject: plant("archive/demo/note.txt", "user1@example.org, User c4ca4238"),
		exit: 1, why: reason.NotEncrypted, red: "encryption", words: "note.txt",
	},
	{
		name: "FolderMark", inject: plant("{wal}/mark", ""),
		exit: 1, why: reason.NotEncrypted, red: "encryption", words: "mark: it is empty",
	},
	{
		name: "FrameInTheBucket", inject: plant("backup/demo/dump.zst", "\x28\xb5\x2f\xfd and what stands in it"),
		exit: 1, why: reason.NotEncrypted, red: "encryption", words: "dump.zst",
	},

	{
		name: "PagesWithErrors", inject: path(`s/"error":false/"error":true/`), env: "PATH={dir}/path",
		exit: 1, why: reason.PageChecksum, red: "stanza", words: "{full}",
	},
	{
		name: "OtherCluster", inject: path(`s/"system-id":[0-9]*/"system-id":7000000000000000001/g`),
		env:  "PATH={dir}/path",
		exit: 1, why: reason.RepoCorrupt, red: "stanza", words: "7000000000000000001",
	},
})

// What keeps a check from being made is said once, and no claim is started.
func TestChecks_Environment(t *testing.T) { claimEnvironmentFaults.run(t) }

var claimEnvironmentFaults = checkFaults("TestChecks_Environment", plain, []checkFault{
	{name: "ConfMissing", args: "-conf {dir}/none.conf", exit: 2, why: reason.ConfigInvalid, words: "{dir}/none.conf"},
	{name: "WriteWithoutPrimary", args: "-write", exit: 2, why: reason.ConfigInvalid, words: "-primary"},
	{
		name: "PrimaryDown", args: "-primary host={dir}",
		exit: 2, why: reason.ConfigInvalid, red: "stanza archive", words: "-primary",
	},
	{ // what the repository shows by itself goes first
		name: "PrimaryDownAndAHole", inject: without(archived("{middle}")), args: "-primary host={dir}",
		exit: 1, why: reason.WALMissing, red: "archive", words: "{middle}", unasked: "stanza",
	},
	{
		name: "StoreClosed", inject: option("repo1-storage-port", "1"),
		exit: 2, why: reason.RepoUnreachable, words: "localhost:1",
	},
	{
		name: "NoPgBackRest", inject: path(""), env: "PATH={dir}/path",
		exit: 2, why: reason.ToolMissing, words: "pgbackrest",
	},
	{ // what it cannot read is no damage
		name: "OlderPgBackRest", inject: path(`s/"version":"2\.[0-9.]*"/"version":"2.999"/g`), env: "PATH={dir}/path",
		exit: 2, why: reason.VersionMismatch, words: "2.999",
	},
	{
		name: "PolicyWithATypo", inject: policyFile("retention_ful: 4"), args: "-policy {dir}/policy.yml",
		exit: 2, why: reason.ConfigInvalid, words: "{dir}/policy.yml:1: | is no key of a policy",
	},
})
