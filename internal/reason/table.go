package reason

// Entry is one row of the table: a reason, its exit status, and two sentences
// for whoever is woken by it.
type Entry struct {
	Reason Reason
	Exit   int
	Means  string // what happened
	Next   string // what to look at or type next
}

// Table holds every reason there is, in the order drill/README.md lists them.
var Table = []Entry{
	{
		NoBackup, ExitFailed,
		"There is no backup to restore: the bucket, path or stanza is gone, or it holds no finished set.",
		"Run `pgbackrest info`; then look at the last runs of pgbackrest-full and pgbackrest-diff.",
	},
	{
		RepoDenied, ExitFailed,
		"The object store refuses these credentials, or an object: a real restore would be refused as well.",
		"Check key, secret, expiry and bucket policy (ListBucket and GetObject on the repository's path); what a " +
			"lifecycle rule moved to an archive class (InvalidObjectState) must be brought back, and the rule ended.",
	},
	{
		RepoCorrupt, ExitFailed,
		"A file of the repository is missing, cut or damaged: this backup set cannot be restored.",
		"Take a full backup now, then find out what touched the named object; `pgbackrest verify --output=text` " +
			"lists the rest.",
	},
	{
		WrongCipher, ExitFailed,
		"The passphrase does not open this repository: without the right one every backup in it is lost.",
		"Compare repo-cipher-pass with the escrowed one; it can never be changed for an existing repository.",
	},
	{
		UntrustedCertificate, ExitFailed, "The object store's certificate is not trusted or is for another name.",
		"Check repo-storage-ca-file, repo-storage-host and the certificate's dates and names.",
	},
	{
		RestoreFailed, ExitFailed, "`pgbackrest restore` failed for a reason of its own.",
		"Read the pgBackRest lines in the report; run the printed restore command by hand with " +
			"--log-level-console=detail.",
	},
	{
		WALMissing, ExitFailed, "The archive has a hole: recovery can go no further than the segment before it.",
		"Take a full backup now; everything after the hole is beyond reach until then. Then look at " +
			"archive_command's log at that time.",
	},
	{
		WALCorrupt, ExitFailed, "A WAL segment in the archive is empty, cut, undecodable or from another cluster.",
		"Take a full backup now; then compare the named segment with the primary's pg_wal and look at the store.",
	},
	{
		RecoveryIncomplete, ExitFailed,
		"PostgreSQL ended recovery before the end of the archive (or before the target): data is missing although " +
			"it is up.",
		"Compare the last replayed LSN with the last segment in the report, and read the server log beside it.",
	},
	{
		TimelineConflict, ExitFailed,
		"The archive holds timelines that do not belong together: two clusters archive into one stanza.",
		"Find the second writer (a careless restore, a split brain), stop it, then take a full backup.",
	},
	{
		StartFailed, ExitFailed, "The restored cluster does not start.",
		"Read the server log lines in the report; keep the sandbox with -keep and start it by hand.",
	},
	{
		SmokeQuery, ExitFailed, "A query on the restored cluster failed, or no check ran at all.",
		"Read the error in the report; is -database right, is the table where it should be?",
	},
	{
		TooFewRows, ExitFailed, "A check counted fewer rows than its minimum, or another value than the expected one.",
		"Compare with production now; was the data deleted there, or is the backup at fault?",
	},
	{
		StaleData, ExitFailed, "The newest row is older than its check allows: old data came back.",
		"Compare with production; then look at the age of the backup set and at the archive's end.",
	},
	{
		PageChecksum, ExitFailed,
		"Pages of the database fail their checksum, in the restored cluster or already in the backup.",
		"Look at `error` in `pgbackrest info --set`; find out whether production's disks hold the same page.",
	},
	{
		IndexCorrupt, ExitFailed, "An index of the restored cluster disagrees with its table.",
		"Run pg_amcheck on production; a collation change after an upgrade is the usual cause.",
	},
	{
		RTOExceeded, ExitFailed, "The restore works but takes longer than the RTO budget.",
		"Compare step_duration_seconds with earlier runs; a newer full backup shortens the replay.",
	},
	{
		RPOExceeded, ExitFailed, "More data would be lost than the RPO budget allows.",
		"Look at archive_timeout, archive_command and pg_stat_archiver on the primary.",
	},
	{
		IsolationBreached, ExitFailed,
		"The sandbox is not cut off from production: the drill stopped before it could do harm.",
		"Do not run the drill again before the named setting is understood; list the archive for new .history files.",
	},
	{
		DataDiffers, ExitFailed,
		"The restored rows are not those the standby, or the other backup set, has at the same position in the WAL.",
		"Keep the last good backup from expiring, compare the named blocks on the primary as well, and run " +
			"`pgbackrest verify`; which of the three is right decides what must be mended.",
	},
	{
		PolicyViolated, ExitFailed, "The pgbackrest.conf in use is not what the backup policy says.",
		"Compare the named line with the role's variables and apply the role again; whoever edited the file by " +
			"hand must put it there.",
	},
	{
		BackupMissed, ExitFailed, "A scheduled backup is missing, or the newest one is too old.",
		"Run `systemctl list-timers 'pgbackrest-*'` and `journalctl -u pgbackrest-full -u pgbackrest-diff` on the " +
			"primary; then take the missing backup by hand.",
	},
	{
		ArchivingFailed, ExitFailed,
		"The primary does not archive as it should: its settings are wrong, or its last attempt failed.",
		"Run `SELECT * FROM pg_stat_archiver` on the primary, read its log for archive-push, " +
			"then run `pgbackrest check`.",
	},
	{
		RetentionWrong, ExitFailed, "The repository keeps more, or less, than the retention policy says.",
		"Compare repo-retention-* with `pgbackrest info`; run `pgbackrest expire` by hand and read what it says. " +
			"Too much fills the store; what is gone cannot be brought back.",
	},
	{
		NotEncrypted, ExitFailed,
		"Objects in the bucket can be read without the passphrase: whoever reads the bucket reads the data.",
		"Close the bucket to everybody else now. A repository cannot be encrypted later: make a new one with " +
			"repo-cipher-type=aes-256-cbc, take a full backup, delete the old one.",
	},

	{
		ToolMissing, ExitEnvironment, "A program this run needs is not installed here.",
		"Install the named package, then run it again.",
	},
	{
		ConfigInvalid, ExitEnvironment, "A setting, or the pgbackrest.conf, cannot be used as it is.",
		"Correct the named setting, or give the one that the detail misses, then run it again.",
	},
	{
		PlaceholderSecret, ExitEnvironment, "pgbackrest.conf still holds a placeholder where a secret belongs.",
		"Put the real value of the named option into the vault and apply the role again.",
	},
	{
		RepoUnreachable, ExitEnvironment, "The object store does not answer.",
		"Check that it runs and that this host reaches its address: name, port, firewall.",
	},
	{
		SandboxFailed, ExitEnvironment, "The throw-away machine failed; nothing was learned about the backups.",
		"Read the cause in the report; disk, memory and whoever kills processes here. Then run it again.",
	},
	{
		ImageMissing, ExitEnvironment, "The sandbox image is not there.",
		"Build it with `make image` (Incus) or `make images` (Docker), or name another one with -image.",
	},
	{
		VersionMismatch, ExitEnvironment, "PostgreSQL or pgBackRest here is of another version than the backup needs.",
		"Install the named version, then run it again.",
	},
	{
		DiskSpace, ExitEnvironment, "There is not enough disk space to restore here.",
		"Free the named amount where it says, or choose a larger place: TMPDIR, or the pool of Incus' default profile.",
	},
	{
		ClockSkew, ExitEnvironment,
		"The clock of this host is more than 5 s off the primary's, or more than 15 minutes off the object store's.",
		"Check NTP on both; until they agree no RPO can be measured, and a store refuses every request.",
	},
	{
		Locked, ExitEnvironment, "Another run on this stanza is at work on this host.",
		"Wait for the named holder to end, or end it; its lock goes with it.",
	},
	{
		Timeout, ExitEnvironment, "The run did not end within its deadline.",
		"See which step it was in; raise -timeout if the database has grown, or find what hangs.",
	},
	{
		Interrupted, ExitEnvironment, "Somebody, or something, stopped the run.",
		"Run it again; if a unit stopped it, look at its timeouts.",
	},
	{
		BuildFailed, ExitEnvironment, "The test does not compile.",
		"Run `go vet` on the named package and mend what it says.",
	},
	{
		NoTests, ExitEnvironment, "An expected step or claim did not run, so nothing is proved.",
		"Check the command for -run, -skip and -short, and that it names ./drill or ./backup; use -count=1.",
	},
	{
		ReportUnreadable, ExitEnvironment,
		"The test run's report contradicts itself or holds a value that cannot be read.",
		"Look at the named line; run it again with its output kept.",
	},
	{
		Panic, ExitEnvironment, "The test itself crashed.",
		"This is a bug in the test: keep the output and report it.",
	},
	{
		StandbyUnusable, ExitEnvironment, "The standby could not be compared with; the backups restore.",
		"Read what it said in the report: is it up, a standby, streaming, and may the role pause replay? Replay is " +
			"never left paused.",
	},
}
