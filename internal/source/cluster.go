package source

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
)

// port names the socket; nothing listens on TCP, and the directory is the machine's own.
const port = 5432

// commandTime bounds each command of the seeding; a backup of the largest bench
// cluster (1 GB) takes well under a minute.
const commandTime = 10 * time.Minute

// superuser of the seeded cluster.
const superuser = "postgres"

// quick are settings for a cluster that nobody needs after a crash of the
// machine. They are given on the command line, so that they are not in the backup;
// what production has is in postgresql.auto.conf, and comes back with it.
var quick = []string{
	"fsync=off", "synchronous_commit=off", "full_page_writes=on", "max_wal_size=4GB", "shared_buffers=64MB",
	"listen_addresses=", "dynamic_shared_memory_type=mmap", "logging_collector=off", "max_wal_senders=3",
}

// run runs one command on the machine as its default user, never root.
func (s *Seeded) run(ctx context.Context, argv ...string) (host.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	return s.Machine.Run(ctx, host.Command{Argv: argv})
}

// Newest is the directory of the newest server Debian has installed, else the one pg_config names.
func (s *Seeded) Newest(ctx context.Context) (string, error) {
	found, err := s.run(ctx, "find", "/usr/lib/postgresql", "-maxdepth", "3", "-name", "initdb")
	best, version := "", 0
	for line := range strings.Lines(string(found.Stdout)) {
		dir := path.Dir(strings.TrimSpace(line))
		n, _ := strconv.Atoi(path.Base(path.Dir(dir))) // 0 for what is no version
		if n > version {
			best, version = dir, n
		}
	}
	if best != "" {
		return best, nil
	}
	if _, ok := errors.AsType[*host.ExitError](err); err != nil && !ok {
		return "", err // not even find could be run
	}
	config, err := s.run(ctx, "pg_config", "--bindir")
	if err != nil {
		return "", fmt.Errorf("no PostgreSQL server programs: %w", err)
	}
	return strings.TrimSpace(string(config.Stdout)), nil
}

// create makes an empty cluster with checksums that archives, as soon as it is told how.
func (s *Seeded) create(ctx context.Context) error {
	initdb := []string{
		path.Join(s.BinDir, "initdb"), "--pgdata=" + s.data(), "--username=" + superuser, "--auth=trust",
		"--data-checksums", "--no-sync", "--encoding=UTF8", "--no-locale",
	}
	if _, err := s.run(ctx, slices.Concat(initdb, s.Initdb)...); err != nil {
		return err
	}
	auto := "archive_mode = 'on'\narchive_timeout = '60s'\n"
	return s.Machine.Put(ctx, path.Join(s.data(), "postgresql.auto.conf"), []byte(auto), 0o600, "")
}

// Start starts the cluster again after Stop, without the heartbeat.
func (s *Seeded) Start(ctx context.Context) error {
	var options strings.Builder
	own := []string{"unix_socket_directories=" + s.Machine.Dir("run"), fmt.Sprintf("port=%d", port)}
	for _, setting := range slices.Concat(own, quick, s.Settings) { // the last one counts
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&options, " -c %s='%s'", name, value)
	}
	_, err := s.run(ctx, path.Join(s.BinDir, "pg_ctl"), "start", "--silent", "--wait", "--pgdata="+s.data(),
		"--log="+s.serverLog(), "--options="+options.String())
	if err == nil {
		return nil
	}
	said, _ := s.Machine.Read(ctx, s.serverLog()) // it adds to an error that stands
	return fmt.Errorf("%w\n%s", err, said)
}

// Stop stops the heartbeat and the cluster, in good order, and leaves repository and
// machine: what was not archived before is archived now.
func (s *Seeded) Stop(ctx context.Context) error {
	s.heartbeat.stop()
	_, err := s.run(ctx, path.Join(s.BinDir, "pg_ctl"), "stop", "--silent", "--wait", "--mode=fast",
		"--pgdata="+s.data())
	return err
}

// Connect opens a session of the superuser in the database postgres.
func (s *Seeded) Connect(ctx context.Context) (*pgx.Conn, error) {
	return s.ConnectTo(ctx, "postgres")
}

// ConnectTo opens a session of the superuser in a database.
func (s *Seeded) ConnectTo(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.User, config.Database = s.Machine.Dir("run"), port, superuser, database
	config.Password, config.Fallbacks, config.RuntimeParams = "", nil, map[string]string{
		"application_name": "veza-drill-seed",
	}
	config.DialFunc = s.Machine.Dial
	return pgx.ConnectConfig(ctx, config)
}
