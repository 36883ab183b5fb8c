package settings

import (
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/target"
)

// Setting is one row of the table.
type Setting struct {
	Flag      string   // without the dash
	Variables []string // environment variables, the usual one last
	Default   string   // "" when there is no value that could be written down
	Otherwise string   // what applies when Default is ""
	Meaning   string
	Bool      bool // a flag that needs no value
	Secret    bool // the value is never repeated in a message
	Rehearsal bool // of drills and backup checks alone: a real restore has no such flag
	set       func(*Settings, string) error
}

const (
	prefix           = "DRILL_"
	minUsersVariable = "MIN_USERS_EXPECTED" // the customer's own name for -min-users
)

// otherVariables begin with DRILL_ too, and are read elsewhere: by the docker
// environment.
var otherVariables = []string{
	"DRILL_REQUIRE_DOCKER",
	"DRILL_MINIO_IMAGE",
}

// Table holds every setting, in the order -h and drill/README.md show them.
var Table = []Setting{
	{
		Flag: "conf", Variables: []string{"DRILL_CONF"}, Otherwise: "by environment",
		Meaning: "pgbackrest.conf of an existing repository to drill or to check, in any environment; " +
			"best an absolute path, since `go test` changes directory",
		set: func(s *Settings, v string) (err error) { s.Conf, err = parseFile(v); return err },
	},
	{
		Flag: "stanza", Variables: []string{"DRILL_STANZA"}, Otherwise: "the only stanza in the conf",
		Meaning: "stanza to restore or to check",
		set:     func(s *Settings, v string) (err error) { s.Stanza, err = parseStanza(v); return err },
	},
	{
		Flag: "repo", Variables: []string{"DRILL_REPO"}, Default: "1",
		Meaning: "repository key, 1 to 256; always pinned, so that a broken repository never falls through to the next",
		set:     func(s *Settings, v string) (err error) { s.Repo, err = parseRepo(v); return err },
	},
	{
		Flag: "repo-target-time", Variables: []string{"DRILL_REPO_TARGET_TIME"}, Otherwise: "now",
		Meaning: "a moment, RFC 3339 with offset: the repository as it was then, by the versions its bucket keeps " +
			"(pgBackRest 2.54 or later); says nothing of the backups of now",
		set: func(s *Settings, v string) (err error) { s.RepoTargetTime, err = parsePast(v, time.Now()); return err },
	},
	{
		Flag: "set", Variables: []string{"DRILL_SET"}, Default: SetLatest,
		Meaning: "backup set: `latest`, `latest-diff`, or a label such as `20260823-020003F`",
		set:     func(s *Settings, v string) (err error) { s.Set, err = parseSet(v); return err },
	},
	{
		Flag: "target", Variables: []string{"DRILL_TARGET"}, Otherwise: "end of archive",
		Meaning: "where recovery stops: `time:` and RFC 3339 with offset, `lsn:` and X/Y, " +
			"or `name:` and a restore point; `random` picks a point of the recovery window, " +
			"`timeline` takes one before and one after the last failover, `worst` the one with the most WAL to replay",
		set: func(s *Settings, v string) (err error) { s.Target, err = target.Parse(v); return err },
	},
	{
		Flag: "seed", Rehearsal: true, Variables: []string{"DRILL_SEED"}, Otherwise: "a new one each run, and printed",
		Meaning: "seed of `-target random`: the same one picks the same point of the same window",
		set:     func(s *Settings, v string) (err error) { s.Seed, err = parseCount(v); return err },
	},
	{
		Flag: "state", Rehearsal: true,
		Variables: []string{"DRILL_STATE"}, Otherwise: "none: every part of the window weighs the same",
		Meaning: "file that remembers which parts of the recovery window were drilled when, for `-target random`, " +
			"which blocks were compared when, and what differs, for `-compare`, and what was read when, for " +
			"`-verify-cycle`; made when it is missing",
		set: func(s *Settings, v string) (err error) { s.State, err = parsePath(v); return err },
	},
	{
		Flag: "database", Variables: []string{"DRILL_DATABASE"}, Default: "postgres",
		Meaning: "where the smoke query and checks without a `database` run",
		set:     func(s *Settings, v string) (err error) { s.Database, err = parseDatabase(v); return err },
	},
	{
		Flag: "min-users", Variables: []string{minUsersVariable, "DRILL_MIN_USERS"}, Default: "1",
		Meaning: "least rows in `users`; 0 is refused, because it proves nothing",
		set:     func(s *Settings, v string) (err error) { s.MinUsers, err = parseCount(v); return err },
	},
	{
		Flag: "checks", Variables: []string{"DRILL_CHECKS"}, Otherwise: "the `users` smoke query",
		Meaning: "YAML file of SQL checks that takes the place of the smoke query: name, database, query, " +
			"and one of `min`, `equals`, `max_age`",
		set: func(s *Settings, v string) (err error) { s.Checks, err = parseFile(v); return err },
	},
	{
		Flag: "suggest", Rehearsal: true, Variables: []string{"DRILL_SUGGEST"}, Otherwise: "none",
		Meaning: "new file for checks to start from, made of the largest tables that came back; they are tried in " +
			"the same drill, and a file that is there is never overwritten",
		set: func(s *Settings, v string) (err error) { s.Suggest, err = parseNewFile(v); return err },
	},
	{
		Flag: "deep", Variables: []string{"DRILL_DEEP"}, Default: "all",
		Meaning: "deeper checks to make: `all`, `none`, or names by commas: " + strings.Join(DeepChecks, ", "),
		set:     func(s *Settings, v string) (err error) { s.Deep, err = parseDeep(v); return err },
	},
	{
		Flag: "check-budget", Variables: []string{"DRILL_CHECK_BUDGET"}, Default: "10m",
		Meaning: "time the deeper checks may take together; what does not fit is left out, and the report says what",
		set:     func(s *Settings, v string) (err error) { s.CheckBudget, err = parseBudget(v); return err },
	},
	{
		Flag: "require-readonly", Rehearsal: true,
		Variables: []string{"DRILL_REQUIRE_READONLY"}, Default: "false", Bool: true,
		Meaning: "the drill fails, as `isolation_breached`, when its own key may write to the repository",
		set:     func(s *Settings, v string) (err error) { s.RequireReadonly, err = parseBool(v); return err },
	},
	{
		Flag: "keep", Rehearsal: true, Variables: []string{"DRILL_KEEP"}, Default: "false", Bool: true,
		Meaning: "leave the sandbox, and print the commands to enter it",
		set:     func(s *Settings, v string) (err error) { s.Keep, err = parseBool(v); return err },
	},
	{
		Flag: "rto", Variables: []string{"DRILL_RTO"}, Default: "30m",
		Meaning: "budget from the start of the restore to the first answered query",
		set:     func(s *Settings, v string) (err error) { s.RTO, err = parseBudget(v); return err },
	},
	{
		Flag: "rpo", Rehearsal: true, Variables: []string{"DRILL_RPO"}, Default: "2m",
		Meaning: "budget for the age of the newest moment that came back",
		set:     func(s *Settings, v string) (err error) { s.RPO, err = parseBudget(v); return err },
	},
	{
		Flag: "get-async", Variables: []string{"DRILL_GET_ASYNC"}, Default: pgbackrest.GetAuto,
		Meaning: "segments are fetched ahead of the replay: `auto` by several archive-get of the run's own, `on` by " +
			"pgBackRest's asynchronous one (slower, and safe from 2.59 on), `off` one at a time",
		set: func(s *Settings, v string) (err error) { s.GetAsync, err = parseGetAsync(v); return err },
	},
	{
		Flag: "primary", Rehearsal: true, Variables: []string{"DRILL_PRIMARY"}, Otherwise: "none", Secret: true,
		Meaning: "libpq string of the production primary; several hosts with `target_session_attrs=read-write` work, " +
			"a password in it is refused: use a passfile or a service file",
		set: func(s *Settings, v string) (err error) { s.Primary, err = parsePrimary(v); return err },
	},
	{
		Flag: "compare", Rehearsal: true, Variables: []string{"DRILL_COMPARE"}, Default: CompareNone,
		Meaning: "compare every row that came back: `none`; `standby`, with production, by a standby whose replay is " +
			"paused for some milliseconds; `sets`, with the previous full backup, replayed to the same position",
		set: func(s *Settings, v string) (err error) { s.Compare, err = parseCompare(v); return err },
	},
	{
		Flag: "standby", Rehearsal: true, Variables: []string{"DRILL_STANDBY"}, Secret: true,
		Otherwise: "none; a seeded source gets one",
		Meaning: "libpq string of a streaming standby for `-compare standby`; several hosts with " +
			"`target_session_attrs=standby` work, a password in it is refused: use a passfile or a service file",
		set: func(s *Settings, v string) (err error) { s.Standby, err = parsePrimary(v); return err },
	},
	{
		Flag: "compare-budget", Rehearsal: true, Variables: []string{"DRILL_COMPARE_BUDGET"}, Default: "30m",
		Meaning: "time that asking both sides may take, half of it for each; what does not fit is left out, and the " +
			"report says so; with `-state` it comes first the next time",
		set: func(s *Settings, v string) (err error) { s.CompareBudget, err = parseBudget(v); return err },
	},
	{
		Flag: "compare-lag", Rehearsal: true, Variables: []string{"DRILL_COMPARE_LAG"}, Default: "5m",
		Meaning: "most that the standby may be behind: beyond it nothing more is asked of it, and the rest is left out",
		set:     func(s *Settings, v string) (err error) { s.CompareLag, err = parseBudget(v); return err },
	},
	{
		Flag: "compare-rate", Rehearsal: true, Variables: []string{"DRILL_COMPARE_RATE"}, Otherwise: "no limit",
		Meaning: "most that is read of the standby in a second, such as `50MB`; kept from one range of blocks to the " +
			"next",
		set: func(s *Settings, v string) (err error) { s.CompareRate, err = parseRate(v); return err },
	},
	{
		Flag: "claims", Rehearsal: true, Variables: []string{"DRILL_CLAIMS"}, Default: "all",
		Meaning: "backup checks: claims to ask: `all` that the repository can be asked, or names by commas, each of " +
			"which must be asked then: " + strings.Join(Claims, ", ") + "; what is left out is named and counted, " +
			"and one that did not hold when it was asked last keeps the metrics red",
		set: func(s *Settings, v string) (err error) { s.Claims, err = parseClaims(v); return err },
	},
	{
		Flag: "verify-cycle", Rehearsal: true,
		Variables: []string{"DRILL_VERIFY_CYCLE"}, Otherwise: "none: all of the repository in each run",
		Meaning: "backup checks: integrity reads a share of the repository in each daily run, and all of it within " +
			"so many days, such as `7d`; what was read when is in `-state`, which it needs",
		set: func(s *Settings, v string) (err error) { s.VerifyCycle, err = parseDays(v); return err },
	},
	{
		Flag: "write", Rehearsal: true, Variables: []string{"DRILL_WRITE"}, Default: "false", Bool: true,
		Meaning: "backup checks: the rpo claim may write one row through -primary",
		set:     func(s *Settings, v string) (err error) { s.Write, err = parseBool(v); return err },
	},
	{
		Flag: "policy", Rehearsal: true, Variables: []string{"DRILL_POLICY"}, Otherwise: "the mission's values",
		Meaning: "YAML file of the policy that the backup checks hold an existing repository against: retention, " +
			"compression, archive_timeout, calendar; the ages below follow its calendar where they are not given",
		set: func(s *Settings, v string) (err error) { s.Policy, err = parsePolicy(v); return err },
	},
	{
		Flag: "full-age", Rehearsal: true, Variables: []string{"DRILL_FULL_AGE"}, Default: "192h",
		Meaning: "backup checks: oldest the newest full backup may be, counted from its stop",
		set:     func(s *Settings, v string) (err error) { s.FullAge, err = parseBudget(v); return err },
	},
	{
		Flag: "backup-age", Rehearsal: true, Variables: []string{"DRILL_BACKUP_AGE"}, Default: "30h",
		Meaning: "backup checks: oldest the newest full or differential backup may be, counted from its stop; " +
			"of an older set a drill passes, and an alert tells",
		set: func(s *Settings, v string) (err error) { s.BackupAge, err = parseBudget(v); return err },
	},
	{
		Flag: "image", Rehearsal: true, Variables: []string{"DRILL_IMAGE"}, Otherwise: "by environment",
		Meaning: "Incus and Docker: image of the sandbox",
		set:     func(s *Settings, v string) (err error) { s.Image, err = parseWord(v); return err },
	},
	{
		Flag: "rows", Rehearsal: true, Variables: []string{"DRILL_ROWS"}, Default: "100000",
		Meaning: "rows of `users` in a seeded source; an existing one is not touched",
		set:     func(s *Settings, v string) (err error) { s.Rows, err = parseCount(v); return err },
	},
	{
		Flag: "install", Rehearsal: true, Variables: []string{"DRILL_INSTALL"}, Default: "false", Bool: true,
		Meaning: "Incus: packages the image lacks may be fetched, " +
			"over a network card that is gone again before any data is restored",
		set: func(s *Settings, v string) (err error) { s.Install, err = parseBool(v); return err },
	},
	{
		Flag: "memory", Rehearsal: true, Variables: []string{"DRILL_MEMORY"}, Default: "4GiB",
		Meaning: "Incus and Docker: memory the sandbox may use",
		set:     func(s *Settings, v string) (err error) { s.Memory, err = parseSize(v); return err },
	},
	{
		Flag: "cpus", Rehearsal: true, Variables: []string{"DRILL_CPUS"}, Otherwise: "all of the host's",
		Meaning: "Incus and Docker: cores the sandbox may use",
		set:     func(s *Settings, v string) (err error) { s.CPUs, err = parseCount(v); return err },
	},
	{
		Flag: "node-cpus", Rehearsal: true, Variables: []string{"DRILL_NODE_CPUS"}, Otherwise: "those of the sandbox",
		Meaning: "cores of the node that a real restore would be made on: the drill works with no more processes " +
			"than it would there, and where the sandbox has more cores, says what the RTO is with those of the node",
		set: func(s *Settings, v string) (err error) { s.NodeCPUs, err = parseCount(v); return err },
	},
	{
		Flag: "node-memory", Rehearsal: true,
		Variables: []string{"DRILL_NODE_MEMORY"}, Otherwise: "that of the sandbox",
		Meaning: "memory of that node: PostgreSQL replays with no more for its pages than it would have there",
		set:     func(s *Settings, v string) (err error) { s.NodeMemory, err = parseSize(v); return err },
	},
	{
		Flag: "disk", Rehearsal: true,
		Variables: []string{"DRILL_DISK"}, Otherwise: "twice what the backup needs, at least 10GiB",
		Meaning: "Incus: size of the sandbox's root disk",
		set:     func(s *Settings, v string) (err error) { s.Disk, err = parseSize(v); return err },
	},
	{
		Flag: "reserve", Rehearsal: true, Variables: []string{"DRILL_RESERVE"}, Default: "15%",
		Meaning: "share of the storage pool, or of TMPDIR's file system, that must stay free beside the restored " +
			"data where others live there too, but no more than the data takes; `0%` is none",
		set: func(s *Settings, v string) (err error) { s.Reserve, err = parseShare(v); return err },
	},
	{
		Flag: "incus-remote", Rehearsal: true,
		Variables: []string{"DRILL_INCUS_REMOTE"}, Otherwise: "the daemon of this machine",
		Meaning: "Incus: name of a remote in the configuration of the `incus` command, " +
			"reached over HTTPS with its client certificate",
		set: func(s *Settings, v string) (err error) { s.Remote, err = parseWord(v); return err },
	},
	{
		Flag: "incus-project", Rehearsal: true, Variables: []string{"DRILL_INCUS_PROJECT"}, Default: "default",
		Meaning: "Incus: project the sandbox lives in",
		set:     func(s *Settings, v string) (err error) { s.Project, err = parseWord(v); return err },
	},
	{
		Flag: "incus-target", Rehearsal: true,
		Variables: []string{"DRILL_INCUS_TARGET"}, Otherwise: "the cluster decides",
		Meaning: "Incus: member of a cluster (`.` is this host), or `@GROUP` of members, that the sandbox goes to",
		set:     func(s *Settings, v string) (err error) { s.Member, err = parseWord(v); return err },
	},
}
