package realtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wait"
)

// commandTime bounds one command, and every wait for something that takes a moment.
const commandTime = 10 * time.Minute

// stanza is that of every repository here.
const stanza = "demo"

// source is a cluster that was stopped for good, and the repository it backed up into.
type source struct {
	dir  string
	bin  string            // the programs of PostgreSQL
	dump string            // pg_dumpall of what there was at the end
	rows map[string]int    // in users, at a moment; and when a segment was ended, by its name
	ends []string          // the segments that were ended, in order
	mark map[string]string // what -target takes for that moment

	outside bool // its configuration is not in the data directory, as Debian has it
	locked  bool // nobody can ask it any more
	group   bool // its group may read it, such as to back it up
}

// plain has no tablespaces, so that restores of it can run side by side.
var plain = sync.OnceValues(func() (*source, error) {
	s := newSource("plain")
	s.group = true
	return s, s.live(content, rounds)
})

// step is one thing that happened to a source after its backup. Each ends its WAL segment.
type step func(ctx context.Context, s *source) error

// content is what must come back as it was, also what a restore has to change for a while.
const content = `
	CREATE TABLE users AS SELECT i AS id, pg_catalog.md5(i::text) AS name FROM pg_catalog.generate_series(1, 1000) i;
	ALTER TABLE users ADD PRIMARY KEY (id);
	CREATE ROLE app LOGIN CONNECTION LIMIT 2;
	CREATE ROLE audit;
	GRANT SELECT ON users TO app;
	CREATE DATABASE closed CONNECTION LIMIT 1;
	REVOKE ALL ON DATABASE closed FROM PUBLIC;
	GRANT CONNECT ON DATABASE closed TO app;
	CREATE DATABASE none CONNECTION LIMIT 0;
	CREATE DATABASE shut ALLOW_CONNECTIONS false;
	CREATE EXTENSION file_fdw;
	CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
	CREATE FOREIGN TABLE version (line text) SERVER files OPTIONS (filename '/etc/debian_version');
	CREATE TABLE seen (tag text);
	CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO public.seen VALUES (tg_tag); END$$;
	CREATE EVENT TRIGGER plain ON ddl_command_end EXECUTE FUNCTION see();
	CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE FUNCTION see();
	CREATE EVENT TRIGGER replica ON sql_drop EXECUTE FUNCTION see();
	CREATE EVENT TRIGGER off ON ddl_command_start EXECUTE FUNCTION see();
	ALTER EVENT TRIGGER always ENABLE ALWAYS;
	ALTER EVENT TRIGGER replica ENABLE REPLICA;
	ALTER EVENT TRIGGER off DISABLE;
	ALTER SYSTEM SET work_mem = '5MB';
	ALTER ROLE app SET statement_timeout = '7s'`

// rounds are four segments, with a mark of each kind behind the second.
var rounds = []step{view, more, moment("mistake"), more, more}

// view makes what is read by two sessions at once, where one is the limit.
func view(ctx context.Context, s *source) error {
	const made = "CREATE MATERIALIZED VIEW v AS SELECT i FROM pg_catalog.generate_series(1, 9) i"
	_, err := queryIn(ctx, s.bin, s.dir, "closed", made)
	return err
}

func newSource(name string) *source {
	return &source{dir: filepath.Join(base, name), rows: map[string]int{}, mark: map[string]string{}}
}

// live makes the cluster, backs it up, and lets it live on for a while.
func (s *source) live(content string, after []step) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	if err := s.make(ctx); err != nil {
		return err
	}
	for _, statement := range strings.SplitAfter(content, ";\n") {
		if _, err := s.sql(ctx, statement); err != nil {
			return err
		}
	}
	for _, argv := range [][]string{{"stanza-create"}, {"--type=full", "backup"}} {
		if _, err := s.pgbackrest(ctx, argv...); err != nil {
			return err
		}
	}
	for _, step := range after {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	if !s.locked {
		if err := s.remember(ctx); err != nil {
			return err
		}
	}
	_, err := command(ctx, s.bin+"/pg_ctl", "stop", "-w", "-m", "fast", "-D", s.data())
	return err
}

// remember keeps what a restore to the end must bring back.
func (s *source) remember(ctx context.Context) (err error) {
	if err = s.count(ctx, "end"); err == nil {
		s.dump, err = dumpAll(ctx, s.bin, s.dir)
	}
	return err
}

func (s *source) data() string { return filepath.Join(s.dir, "pg") }

// make starts an empty cluster that archives into a repository beside it.
func (s *source) make(ctx context.Context) (err error) {
	if s.bin, err = newestServer(); err != nil {
		return err
	}
	if err = directories(s.dir); err != nil {
		return err
	}
	initdb := []string{s.bin + "/initdb", "-k", "--no-sync", "-U", "postgres", "-D", s.data()}
	if s.group {
		initdb = append(initdb, "-g")
	}
	if _, err = command(ctx, initdb...); err != nil {
		return err
	}
	conf := []string{
		"listen_addresses = ''", "archive_mode = on",
		"archive_command = 'pgbackrest --stanza=" + stanza + " archive-push %p'",
		"track_commit_timestamp = on", "autovacuum = off", "unix_socket_directories = '" + s.dir + "'",
		"log_directory = '" + s.dir + "/log'",
	}
	file := filepath.Join(s.data(), "postgresql.conf")
	if err = appendTo(file, strings.Join(conf, "\n")+"\n"); err != nil {
		return err
	}
	if err = writeConf(s.dir, s.data()); err != nil {
		return err
	}
	if !s.outside {
		return start(ctx, s.bin, s.dir, s.data())
	}
	for _, name := range configuration {
		if err = os.Rename(filepath.Join(s.data(), name), filepath.Join(s.dir, "etc", name)); err != nil {
			return err
		}
	}
	if err = appendTo(filepath.Join(s.dir, "etc", configuration[0]), "data_directory = '"+s.data()+"'\n"); err != nil {
		return err
	}
	return start(ctx, s.bin, s.dir, filepath.Join(s.dir, "etc"))
}

// configuration are the files that Debian keeps in /etc/postgresql.
var configuration = []string{"postgresql.conf", "pg_hba.conf", "pg_ident.conf"}

// start starts a cluster by its own configuration; only its socket is of the directory it lies in now.
func start(ctx context.Context, bin, dir, data string) error {
	_, err := command(ctx, "env", "PGBACKREST_CONFIG="+confOf(dir), bin+"/pg_ctl", "start", "-w", "-D", data, "-l",
		filepath.Join(dir, "server.log"), "-o", "-k "+dir)
	return err
}

// directories makes the place of a cluster, of the user who runs it.
func directories(dir string) error {
	for _, name := range []string{"", "repo", "log", "lock", "spool", "etc", "tmp"} {
		place := filepath.Join(dir, name)
		if err := os.MkdirAll(place, 0o755); err != nil {
			return err
		}
		if err := give(place); err != nil {
			return err
		}
	}
	return nil
}

// give makes a file that of the user who runs PostgreSQL.
func give(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := service()
	if err != nil {
		return err
	}
	return os.Lchown(path, uid, gid)
}

func service() (uid, gid int, err error) {
	who, err := user.Lookup(host.ServiceUser)
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(who.Uid+" "+who.Gid, &uid, &gid)
	return uid, gid, err
}

func confOf(dir string) string { return filepath.Join(dir, "etc", "pgbackrest.conf") }

// writeConf writes the pgbackrest.conf of a cluster.
func writeConf(dir, data string) error {
	text := fmt.Sprintf("[global]\nrepo1-path=%[1]s/repo\nlog-path=%[1]s/log\nlock-path=%[1]s/lock\n"+
		"spool-path=%[1]s/spool\nstart-fast=y\narchive-async=n\n[%[3]s]\npg1-path=%[2]s\npg1-socket-path=%[1]s\n"+
		"pg1-user=postgres\n",
		dir, data, stanza)
	if err := os.WriteFile(confOf(dir), []byte(text), 0o640); err != nil {
		return err
	}
	return give(confOf(dir))
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// newestServer is where the newest PostgreSQL of this machine is.
func newestServer() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(err, errors.New("no PostgreSQL in /usr/lib/postgresql"))
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// command runs a program as the user who runs PostgreSQL.
func command(ctx context.Context, argv ...string) (string, error) {
	cmd := as(ctx, argv...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if slices.Contains(argv, "start") { // a server keeps what it inherits open
		cmd.Stdout, cmd.Stderr = nil, nil
	}
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s%s", argv, err, out.String(), errs.String())
	}
	return out.String(), nil
}

// as is a program that the user who runs PostgreSQL would start.
func as(ctx context.Context, argv ...string) *exec.Cmd {
	if os.Geteuid() == 0 {
		argv = append([]string{"runuser", "-u", host.ServiceUser, "--"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	return cmd
}

func (s *source) pgbackrest(ctx context.Context, argv ...string) (string, error) {
	return command(ctx, append([]string{"pgbackrest", "--config=" + confOf(s.dir), "--stanza=" + stanza}, argv...)...)
}

func (s *source) sql(ctx context.Context, statement string) (string, error) {
	return query(ctx, s.bin, s.dir, statement)
}

// query asks the cluster whose socket is in a directory.
func query(ctx context.Context, bin, dir, statement string) (string, error) {
	return queryIn(ctx, bin, dir, "postgres", statement)
}

func queryIn(ctx context.Context, bin, dir, database, statement string) (string, error) {
	said, err := command(ctx, bin+"/psql", "-h", dir, "-U", "postgres", "-d", database, "-XAtq",
		"-v", "ON_ERROR_STOP=1", "-c", statement)
	return strings.TrimSpace(said), err
}

// dumpAll is all that a cluster has, but for what a dump says of itself.
func dumpAll(ctx context.Context, bin, dir string) (string, error) {
	said, err := command(ctx, bin+"/pg_dumpall", "-h", dir, "-U", "postgres")
	lines := strings.Split(said, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc([]string{"--", `\restrict`, `\unrestrict`}, func(begin string) bool {
			return strings.HasPrefix(line, begin)
		})
	}), "\n"), err
}

// more adds rows, and ends the segment.
func more(ctx context.Context, s *source) error {
	_, err := s.sql(ctx, `INSERT INTO users SELECT i, 'later' FROM pg_catalog.generate_series(
		(SELECT pg_catalog.max(id) + 1 FROM users), (SELECT pg_catalog.max(id) + 1000 FROM users)) i`)
	if err != nil {
		return err
	}
	return s.switchWAL(ctx)
}

// switchWAL ends a segment, and waits until it is archived.
func (s *source) switchWAL(ctx context.Context) error {
	last, err := s.sql(ctx, "SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())")
	if err != nil {
		return err
	}
	if err = s.count(ctx, last); err != nil {
		return err
	}
	s.ends = append(s.ends, last)
	return archived(ctx, s.dir, last)
}

// archived waits until a segment is in a repository.
func archived(ctx context.Context, dir, segment string) error {
	return wait.For(ctx, "segment "+segment, 20*time.Millisecond, func(context.Context) error {
		if _, err := segmentFile(dir, segment); err != nil {
			return err
		}
		return nil
	})
}

// segmentFile is the file of a segment, or of a timeline's history, in a repository.
func segmentFile(dir, name string) (string, error) {
	below := name[:min(16, len(name))]
	pattern := filepath.Join(dir, "repo/archive", stanza, "*", below, name+"-*")
	if strings.HasSuffix(name, ".history") {
		pattern = filepath.Join(dir, "repo/archive", stanza, "*", name)
	}
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return "", errors.Join(err, fmt.Errorf("%s is %d times in the archive", name, len(found)))
	}
	return found[0], nil
}

// moment marks a moment between two transactions, by every kind of target.
func moment(name string) step {
	return func(ctx context.Context, s *source) error {
		for kind, statement := range map[string]string{
			"name": "SELECT pg_catalog.pg_create_restore_point('" + name + "') IS NULL; SELECT '" + name + "'",
			"time": "SELECT pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', " +
				"'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
			"lsn": "SELECT pg_catalog.pg_current_wal_insert_lsn()",
		} {
			said, err := s.sql(ctx, statement)
			if err != nil {
				return err
			}
			lines := strings.Split(said, "\n")
			s.mark[kind] = kind + ":" + lines[len(lines)-1]
		}
		return s.count(ctx, name)
	}
}

// count remembers how many rows there are in users.
func (s *source) count(ctx context.Context, at string) error {
	said, err := s.sql(ctx, "SELECT count(*) FROM users")
	if err != nil {
		return err
	}
	var rows int
	_, err = fmt.Sscan(said, &rows)
	s.rows[at] = rows
	return err
}
