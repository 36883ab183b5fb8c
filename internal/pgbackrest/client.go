// Package pgbackrest is a typed front of the pgbackrest command and of its
// configuration file. The command itself does all the work.
package pgbackrest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Client runs pgbackrest on a host, always with lock, log and spool paths of the
// run's own: restore empties the spool path, which production may be using (facts A2).
type Client struct {
	Host    host.Host
	Config  string // path on the host
	Include string // its conf.d; "" for none
	Stanza  string
	Repo    int
	Data    string // pg1-path
	Lock    string // "" is the conf's own, as the two after it
	Log     string
	Spool   string
	// Doubt makes questions to the store give up early: what its probe found makes
	// a good answer unlikely, and pgBackRest would retry.
	Doubt bool
	// CAFile, when set, is the file of certificates the store's is checked with, in
	// place of the system's.
	CAFile string
	// At is the moment the repository is read as of, by the versions its bucket keeps; the zero time is
	// now. On the command line, so that restore hands it to the archive-get of restore_command.
	At time.Time
	// Patience is the environment that bounds one wait of restore and archive-get
	// for the store: see Config.Patience.
	Patience []string
	// Identity is the environment that says who it is to the store: see Repo.Identity.
	Identity []string
}

// queryTimeout bounds one read-only call; pgBackRest's own bound on one wait for
// the store, in seconds, must be well below it.
const (
	queryTimeout = 90 * time.Second
	// A listing asks the store once for each 256 segments, one after the other: 2,000 times for five weeks of a busy
	// cluster (drill/scale.md). ioTimeout bounds each.
	listTimeout    = 10 * time.Minute
	ioTimeout      = "--io-timeout=10"
	doubtIOTimeout = "--io-timeout=3"
)

func (c *Client) ioTimeout() string {
	if c.Doubt {
		return doubtIOTimeout
	}
	return ioTimeout
}

// common are the options every call gets on its command line: what restore
// gets there it writes into restore_command, and nothing else (facts A2).
func (c *Client) common(command string) []string {
	argv := []string{
		"pgbackrest", "--config=" + c.Config, "--stanza=" + c.Stanza, "--repo=" + strconv.Itoa(c.Repo),
		"--log-level-console=off", "--log-level-stderr=warn", "--log-level-file=off",
		"--no-log-timestamp",
	}
	if c.Log != "" {
		argv = append(argv, "--log-path="+c.Log)
	}
	if c.Include != "" {
		argv = append(argv, "--config-include-path="+c.Include)
	}
	if c.CAFile != "" {
		argv = append(argv, fmt.Sprintf("--repo%d-storage-ca-file=%s", c.Repo, c.CAFile))
	}
	if !c.At.IsZero() {
		argv = append(argv, "--repo-target-time="+c.At.UTC().Format("2006-01-02 15:04:05")+"+00")
	}
	return append(argv, command)
}

// locked is common for a command that takes locks.
func (c *Client) locked(command string) []string {
	if c.Lock == "" {
		return c.common(command)
	}
	return append(c.common(command), "--lock-path="+c.Lock)
}

// Version is the installed pgBackRest's. A missing program is tool_missing.
func (c *Client) Version(ctx context.Context) (string, error) {
	result, err := c.query(ctx, []string{"pgbackrest", "version"})
	if err != nil {
		return "", err
	}
	version, found := strings.CutPrefix(strings.TrimSpace(string(result)), "pgBackRest ")
	if !found {
		return "", reason.Errorf(reason.ToolMissing, "pgbackrest version says %q: is this pgBackRest?", version)
	}
	return version, nil
}

// Info asks for the stanza's status and backups.
func (c *Client) Info(ctx context.Context) (Stanza, error) {
	output, err := c.query(ctx, append(c.locked("info"), "--output=json", c.ioTimeout()))
	if err != nil {
		return Stanza{}, err
	}
	return ParseInfo(output)
}

// List lists everything below a path of the repository; a missing one is empty (facts A4).
func (c *Client) List(ctx context.Context, path string) ([]wal.File, error) {
	output, err := c.queryWithin(ctx, listTimeout,
		append(c.common("repo-ls"), path, "--recurse", "--output=json", c.ioTimeout()))
	if err != nil {
		return nil, err
	}
	return ParseList(output)
}

// Get reads one file of the repository, decrypted. It works before a restore,
// when archive-get does not (facts H). A file that is not there wraps ErrNoFile.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.getWithin(ctx, queryTimeout, path)
}

// GetLarge is Get of what may take minutes on a slow line: the manifest of a million files has hundreds of megabytes.
func (c *Client) GetLarge(ctx context.Context, path string) ([]byte, error) {
	return c.getWithin(ctx, listTimeout, path)
}

func (c *Client) getWithin(ctx context.Context, bound time.Duration, path string) ([]byte, error) {
	output, err := c.queryWithin(ctx, bound, append(c.common("repo-get"), path, c.ioTimeout()))
	if failed, ok := errors.AsType[*Error](err); ok && failed.Code == 1 {
		return nil, fmt.Errorf("%w: %s", ErrNoFile, path)
	}
	return output, err
}

// GetRaw is Get of the bytes as they are stored.
func (c *Client) GetRaw(ctx context.Context, path string) ([]byte, error) {
	return c.query(ctx, append(c.common("repo-get"), path, "--raw", c.ioTimeout()))
}

// ErrNoFile is repo-get's exit status 1.
var ErrNoFile = errors.New("no such file in the repository")

// RestoreOptions say what to restore and where to.
type RestoreOptions struct {
	Set         string   // label; always pinned
	Target      []string // --type, --target ...; empty: end of archive
	Tablespaces string   // directory that tablespaces are mapped into
	ProcessMax  int      // 0: the conf says it
	Buffer      []string // see Config.Buffer
	// Node restores for real: tablespaces and links to where they belong, or where the conf maps them, and the cluster
	// archives as it did. Delta takes up a restore that was interrupted.
	Node, Delta bool
	BadPages    bool // restore pages that fail their checksum all the same (versions.RestoreRefusesPages)
	// Recovery is what goes with the settings of recovery, name=value; "" is nothing.
	Recovery string
}

// Restore restores a set. The restored cluster of a sandbox cannot archive: --archive-mode=off
// (facts A7).
func (c *Client) Restore(ctx context.Context, o RestoreOptions, output io.Writer) error {
	argv := append(c.onCluster(c.locked("restore")), "--set="+o.Set)
	if o.ProcessMax > 0 {
		argv = append(argv, "--process-max="+strconv.Itoa(o.ProcessMax))
	}
	switch {
	case !o.Node:
		argv = append(argv, "--archive-mode=off", "--tablespace-map-all="+o.Tablespaces, "--no-link-all", "--no-delta")
		argv = append(argv, mapResets...)
	case o.Delta:
		argv = append(argv, "--archive-mode=preserve", "--delta")
	default:
		argv = append(argv, "--archive-mode=preserve", "--no-delta")
	}
	if o.BadPages {
		argv = append(argv, "--no-checksum-page-error")
	}
	argv = append(argv, resets...)
	if o.Recovery == "" {
		argv = append(argv, "--reset-recovery-option")
	} else { // what the conf has of them goes as well: the command line replaces it
		argv = append(argv, "--recovery-option="+o.Recovery)
	}
	// By environment: restore would hand it to archive-get, which refuses it without archive-async.
	env := slices.Concat([]string{"PGBACKREST_SPOOL_PATH=" + c.Spool}, c.Patience, c.Identity, o.Buffer)
	_, err := c.Host.Run(ctx, host.Command{Argv: append(argv, o.Target...), Env: env, Stdout: output})
	return newError("restore", err, append(c.places(), o.Tablespaces)...)
}

// ArchiveGet brings one archived segment, unpacked, to a path on the host. It needs the
// restored cluster's pg_control (facts H).
func (c *Client) ArchiveGet(ctx context.Context, segment, to string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, queryTimeout,
		reason.Errorf(reason.RepoUnreachable, "pgbackrest archive-get did not end within %s", queryTimeout))
	defer cancel()
	argv := append(c.onCluster(c.locked("archive-get")), segment, to)
	env := slices.Concat([]string{"PGBACKREST_SPOOL_PATH=" + c.Spool}, c.Patience, c.Identity, ReplayEnv)
	_, err := c.Host.Run(ctx, host.Command{Argv: argv, Env: env})
	return newError("archive-get", err, c.places()...)
}

// onCluster has a command work on the restored cluster, which is here: a conf of a repository host names another
// host for it, and restore and archive-get refuse to run from there (pgIsLocalVerify). Both ask about the first of
// the stanza's clusters alone, so a pg2-host may stay. Of the options beside pg1-host newer versions know none for
// these commands, and refuse to reset them; without the host they count for nothing.
func (c *Client) onCluster(argv []string) []string {
	return append(argv, "--pg1-path="+c.Data, "--reset-pg1-host")
}

// resets take away what a conf may say about restores and what would make a drill
// restore less than everything: a part of the databases; recovery options besides.
// Maps are of the machine the cluster lives on: a sandbox is another one.
var (
	resets    = []string{"--reset-db-include", "--reset-db-exclude"}
	mapResets = []string{"--reset-tablespace-map", "--reset-link-map"}
)

// ReplayEnv has archive-get bring one segment at a time, whatever the conf says: see Client.ReplayEnv.
var ReplayEnv = []string{"PGBACKREST_ARCHIVE_ASYNC=n"}

func (c *Client) query(ctx context.Context, argv []string) ([]byte, error) {
	return c.queryWithin(ctx, queryTimeout, argv)
}

func (c *Client) queryWithin(ctx context.Context, bound time.Duration, argv []string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, bound,
		reason.Errorf(reason.RepoUnreachable, "pgbackrest %s did not end within %s", commandOf(argv), bound))
	defer cancel()
	result, err := c.Host.Run(ctx, host.Command{Argv: argv, Env: c.Identity})
	return answer(result.Stdout), newError(commandOf(argv), err, c.places()...)
}

var commandName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func commandOf(argv []string) string {
	for _, arg := range argv[1:] {
		if commandName.MatchString(arg) {
			return arg
		}
	}
	return argv[0]
}

// ParseList reads the answer of repo-ls --recurse --output=json. Directories are left out.
func ParseList(output []byte) ([]wal.File, error) {
	if len(strings.TrimSpace(string(output))) == 0 {
		return nil, nil
	}
	var entries map[string]struct {
		Type string `json:"type"`
		Size int64  `json:"size"`
		Time int64  `json:"time"`
	}
	if err := json.Unmarshal(output, &entries); err != nil {
		return nil, fmt.Errorf("the answer of pgbackrest repo-ls: %w", err)
	}
	var files []wal.File
	for path, entry := range entries {
		if entry.Type == "file" {
			files = append(files, wal.File{Path: path, Size: entry.Size, Time: time.Unix(entry.Time, 0)})
		}
	}
	return files, nil
}
