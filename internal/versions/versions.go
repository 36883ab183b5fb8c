// Package versions is what differs between the versions of PostgreSQL and pgBackRest that a drill
// may meet, and where that is known from. Whoever must do one thing here and another there asks this
// table: product, tests and benchmarks alike. The settings of a server that a drill overrides stand
// with the first version that knows them in internal/postgres.
package versions

// Difference is what some versions of a program have, do or want, and others do not; 0 is none.
type Difference int

// Differences between versions of pgBackRest.
const (
	// OfflineReplaysNothing: a plain restore of an offline backup replays nothing of the archive.
	OfflineReplaysNothing Difference = iota + 1
	// BlockIncremental: repo-block, the changed blocks of a file in place of the whole file.
	BlockIncremental
	// BlockIncrementalAdvised: the first that its authors recommend for repo-block.
	BlockIncrementalAdvised
	// AddressInCertificate: the certificate of a store may be of an IP address.
	AddressInCertificate
	// SilentStderr: log-level-stderr is off unless it is set, and errors are on standard output.
	SilentStderr
	// RepoTargetTime: a repository in a versioned bucket can be read as it was at some time.
	RepoTargetTime
	// RestoreChecksTimeline: restore refuses a set that is not on the timeline asked for, where older
	// ones leave that to PostgreSQL. A history file that belongs to nothing is enough.
	RestoreChecksTimeline
	// RestoreLocks: restore takes a lock in lock-path, and tells its progress in info.
	RestoreLocks
	// PlainHTTP: a store may be spoken to without TLS.
	PlainHTTP
	// AsyncArchiveGet: an asynchronous archive-get may be used across a change of timeline.
	AsyncArchiveGet
	// RefusesRoot: of its commands root may run restore alone.
	RefusesRoot
	// RepoPut: a command that writes a file into the repository.
	RepoPut
	// RestoreRefusesPages: restore ends at a file in which the backup found pages that fail their checksum, and expire
	// at the set; checksum-page-error=n has it warn, as it did before.
	RestoreRefusesPages

	endOfPgBackRest
)

// Differences between versions of PostgreSQL.
const (
	// ReadAllData: the role pg_read_all_data.
	ReadAllData Difference = iota + 100
	// Multiranges: types of several ranges.
	Multiranges
	// PausedState: a server says when replay stands still and not just that it shall, and reads ranges of blocks.
	PausedState
	// AmcheckHeap: amcheck looks at tables.
	AmcheckHeap
	// DatabaseCollation: the version of a database's own collation is kept, and a database may sort by ICU.
	DatabaseCollation
	// AmcheckUnique: amcheck looks for two rows of one key.
	AmcheckUnique
	// AmcheckGIN: amcheck looks at GIN indexes, and its memory does not grow with theirs.
	AmcheckGIN
	// RestrictedSearchPath: REINDEX, CREATE INDEX, ANALYZE, CLUSTER, REFRESH MATERIALIZED VIEW and amcheck run
	// the data's functions with pg_catalog and pg_temp as search_path.
	RestrictedSearchPath
	// BorderNamesNext: pg_walfile_name of the first byte of a segment is that segment, not the one before.
	BorderNamesNext
	// ChecksumsByDefault: initdb makes clusters with page checksums unless told otherwise.
	ChecksumsByDefault
	// AsynchronousReads: io_method, which may be io_uring.
	AsynchronousReads
	// NarrowMultixacts: pg_multixact has four bytes for where the members of a multixact begin, later eight.
	NarrowMultixacts

	endOfPostgreSQL
)

// row is one difference: versions from since on and before until have it.
type row struct{ since, until, source string }

var table = map[Difference]row{
	OfflineReplaysNothing: {
		"2.45", "", "release 2.45: Skip writing recovery.signal by default for restores of offline backups",
	},
	BlockIncremental: {"2.46", "", "release 2.46: Block incremental backup; 2.45 cannot restore one (facts A1)"},
	BlockIncrementalAdvised: {
		"2.52.1", "", "user guide, Performance Tuning: at least v2.52.1 is recommended",
	},
	AddressInCertificate: {"2.53", "", "release 2.53: Support IP-based SANs for TLS certificate validation"},
	SilentStderr:         {"2.53", "", "release 2.53: Default log-level-stderr option to off"},
	RepoTargetTime: {
		"2.54", "", "release 2.54.0: Allow repositories on versioned storage to be read at a target time",
	},
	RestoreChecksTimeline: {
		"2.55", "", "release 2.55.0: Verify recovery target timeline (src/command/restore/timeline.c)",
	},
	RestoreLocks: {
		"2.56", "", "release 2.56.0: Add restore progress to info command output (config.yaml: lock-type of restore)",
	},
	PlainHTTP: {"2.58", "", "release 2.58.0: HTTP support for S3, GCS, and Azure"},
	AsyncArchiveGet: {
		"2.59", "", "release 2.59.0: Fix async archive-get failure during recovery across a timeline switch (2423)",
	},
	RefusesRoot: {"2.59", "", "release 2.59.0: Error when running as root unless allow-root is enabled"},
	RepoPut:     {"", "2.60", "release 2.60.0: Remove the repo-put command"},
	RestoreRefusesPages: {
		"2.60", "", "release 2.60.0: The restore command will now error and stop if any restored file contains an " +
			"invalid page checksum (option checksum-page-error)",
	},

	ReadAllData: {"14", "", "release 14: predefined roles pg_read_all_data and pg_write_all_data"},
	Multiranges: {"14", "", "release 14: multirange data types"},
	PausedState: {
		"14", "", "release 14: pg_get_wal_replay_pause_state(); efficient sequential scanning of ranges of TIDs",
	},
	AmcheckHeap:       {"14", "", "release 14: amcheck checks heap pages (verify_heapam)"},
	DatabaseCollation: {"15", "", "release 15: database-level collation versions (pg_database.datcollversion)"},
	AmcheckUnique:     {"17", "", "release 17: amcheck checks for unique constraint violations (--checkunique)"},
	AmcheckGIN: {
		"18.6", "", "release 18: Add amcheck check function gin_index_check() to verify GIN indexes; " +
			"18.6: Fix memory leak with gin_index_check()",
	},
	RestrictedSearchPath: {
		"17", "", "release 17: Change functions to use a safe search_path during maintenance operations",
	},
	BorderNamesNext:    {"17", "", "release 17: Change file boundary handling of two WAL file name functions"},
	ChecksumsByDefault: {"18", "", "release 18: Change initdb default to enable data checksums"},
	AsynchronousReads:  {"18", "", "release 18: Add an asynchronous I/O (AIO) subsystem"},
	NarrowMultixacts:   {"", "19", "release 19: MultiXactOffset has 64 bits (commit bd8d9c9b)"},
}

// In says whether a version has the difference. It is pgBackRest's for the first list, such as 2.55.1,
// and PostgreSQL's for the second, such as 17 or 17.12.
func (d Difference) In(version string) bool {
	r := table[d]
	return !Older(version, r.since) && (r.until == "" || Older(version, r.until))
}

// Since is the first version that has the difference, for a sentence; "" when it was always there.
func (d Difference) Since() string { return table[d].since }
