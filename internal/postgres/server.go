package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// Server is a restored cluster on a host.
type Server struct {
	Host         host.Host
	Installation Installation
	Data         string // data directory
	Conf         string // directory for the sandbox's own configuration files
	Socket       string // directory of the socket
	LogFile      string
	Own          []string // other directories of the machine that archive-get works in, for what its errors mean
	Port         int      // names the socket; nothing listens on TCP
	Env          []string // environment of the postmaster, for restore_command
	FetchFirst   string   // what recovery tries before restore_command; "" for nothing
	Target       string   // the recovery_target_... setting in use; "" for the end of the archive
	Origin       string   // data directory on production, "" when it is not known
	User         string   // role that SQL runs as, known after Wait
	Home         string   // a database that takes connections, known after Wait

	// Kept is a cluster that goes into production afterwards: what is changed in it is undone by RemoveOurs and
	// HandBack, and what could not be is not done.
	Kept bool

	// Prepared is room for that many prepared transactions, which the replay of a kept cluster has asked for: see
	// MorePrepared.
	Prepared int

	// Archived is a cluster that archived on production, whatever its files say: its backup was made online.
	Archived bool

	Limits []ConnectionLimit // of a kept cluster, known after ReadLimits

	Hold *Hold // where its replay stops, and queries are answered; nil is the end of recovery

	Restored Restored  // what the restored configuration says, known after Start
	Refusals []Refusal // what this machine refused of it
	Opened   *Log      // what the log said of the recovery, when no superuser could log in: see openUp

	// Lowered says that the server has less memory for pages than its machine's size allows, which refused it, or than
	// it would have on a machine with MostMemory; "" is that it has all of it.
	Lowered string

	// MostMemory bounds what the settings of the replay are made from, in bytes: what there is on another machine. 0 is
	// no bound.
	MostMemory int64

	memory   int64     // bytes that the server may use, known after Start
	control  Control   // of Start
	taken    []Setting // of the restored configuration, what the sandbox has
	controls [][]byte  // what pg_control was while recovery went on

	// Preloaded are the libraries of shared_preload_libraries that were loaded, LeftOut
	// those that were not.
	Preloaded, LeftOut []string

	// Assumed says that nothing restored names what production preloaded, and Preloaded is what may be needed.
	Assumed bool

	useless []string // sentences on what was assumed, and left out by a start that failed

	token    string // in every line that this start of the server writes into its log
	logBegin int    // where in LogFile they begin
	reader   *reader
	autoConf []byte // postgresql.auto.conf as it was restored; nil is none
}

func (s *Server) file(name string) string { return path.Join(s.Conf, name) }

// files are the sandbox's own configuration, beside its postgresql.conf: the restored ones may be
// missing, or include what is not here. postgresql.auto.conf, with restore_command in it, is still
// read from the data directory.
var files = map[string]string{
	"pg_hba.conf":   "local all all trust\n",
	"pg_ident.conf": "",
}

// Start starts PostgreSQL and waits until its postmaster is at work, or dead; ctx
// bounds the wait. Recovery goes on after it: see Wait. Why it did not start stands
// in the log: see Log.StartError. What the data may need of the restored configuration is taken
// over; what this machine refuses of it is left out, and kept in Refusals. Memory for pages that it refuses is
// not asked for again: see Lowered; nor is a library that is only assumed, and that it does not start with. A server
// that was started before has the configuration of then.
func (s *Server) Start(ctx context.Context, control Control) error {
	if s.control == nil {
		if err := s.prepare(ctx); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
		s.taken = s.Restored.takenOver()
	}
	s.control = control
	for try := 1; ; try++ {
		if err := s.Host.Put(ctx, s.file(mainConf), []byte(sandboxConf(s.taken)), 0o600, ""); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
		failed := s.launch(ctx)
		if failed == nil || try == mostTries || ctx.Err() != nil {
			return failed
		}
		refused := s.refused(ctx)
		if len(refused) == 0 && !s.lowered(ctx) && !s.unassume(ctx) {
			return failed
		}
		s.Refusals = append(s.Refusals, refused...)
		s.taken = without(s.taken, refused)
	}
}

// prepare reads the restored configuration, then puts the sandbox's own in its place.
func (s *Server) prepare(ctx context.Context) (err error) {
	if s.Restored, err = s.readRestored(ctx); err != nil {
		return err
	}
	s.chooseLibraries(ctx)
	if s.memory = memory(ctx, s.Host); s.MostMemory > 0 {
		s.Lowered = smaller(s.memory, s.MostMemory)
		s.memory = min(s.memory, s.MostMemory)
	}
	for name, content := range files {
		if err = s.Host.Put(ctx, s.file(name), []byte(content), 0o600, ""); err != nil {
			return err
		}
	}
	if err = s.emptyAutoConf(ctx); err != nil || s.FetchFirst == "" {
		return err
	}
	return s.addToAutoConf(ctx, func(conf string) (string, error) { return TryFirst(conf, s.FetchFirst) })
}

// launch has pg_ctl start the postmaster, with a log of its own.
func (s *Server) launch(ctx context.Context) error {
	if err := s.beginLog(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	var options strings.Builder
	for _, setting := range s.settings(s.control, s.Preloaded) {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&options, " -c %s=%s", name, host.ShellQuote(value))
	}
	_, err := s.Host.Run(ctx, host.Command{Env: s.Env, Argv: []string{
		s.Installation.Program("pg_ctl"), "start", "-D", s.Data, "-l", s.LogFile, "-w",
		"-t", strconv.Itoa(secondsLeft(ctx)), "-s", "-o", options.String(),
	}})
	return err
}

// secondsLeft keeps pg_ctl waiting as long as ctx does: its own default of 60 s
// gives up in the middle of a long replay (facts B3).
func secondsLeft(ctx context.Context) int {
	if deadline, ok := ctx.Deadline(); ok {
		return max(int(time.Until(deadline).Seconds())+1, 1)
	}
	return 24 * 3600
}

// Running says whether the postmaster is alive.
func (s *Server) Running(ctx context.Context) (bool, error) {
	_, err := s.Host.Run(ctx,
		host.Command{Argv: []string{s.Installation.Program("pg_ctl"), "status", "-s", "-D", s.Data}})
	if exit, ok := errors.AsType[*host.ExitError](err); ok && exit.Code == 3 {
		return false, nil
	}
	return err == nil, err
}

// Stop stops the cluster at once; a throw-away clone needs no orderly shutdown,
// and a fast one can hang (facts G).
func (s *Server) Stop(ctx context.Context) error {
	_, err := s.Host.Run(ctx,
		host.Command{Argv: []string{s.Installation.Program("pg_ctl"), "stop", "-s", "-m", "immediate", "-D", s.Data}})
	return err
}

// Connect opens a connection to a database as User, the superuser, for what nobody else may do; "" is any
// that takes connections. What asks the data takes ConnectReader. Operators and functions are the
// catalog's own here, whatever search_path the data brings. A locale that is not installed here is
// tool_missing.
func (s *Server) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := s.connectAs(ctx, s.User, database, "pg_catalog")
	if missing := MissingLocale(err); missing != nil {
		return nil, missing
	}
	return conn, err
}

// connectAs connects as a role; database "" is Home. Settings that would make a query fail for reasons of
// configuration are taken away; searchPath "" leaves the one that the data brings.
func (s *Server) connectAs(ctx context.Context, user, database, searchPath string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	if database == "" {
		database = s.Home
	}
	config.Host, config.Port, config.User, config.Database = s.Socket, uint16(s.Port), user, database
	config.Password = ""
	config.Fallbacks = nil
	config.DialFunc = s.Host.Dial
	config.RuntimeParams = map[string]string{
		"application_name": "veza-drill", "client_encoding": "UTF8",
		"statement_timeout": "0", "lock_timeout": lockTimeout,
		"idle_in_transaction_session_timeout": "0", "default_transaction_read_only": "on",
		// Both roles pass over it; what a view shows is what its owner sees, as in production.
		"row_security": "on",
		"role":         "none", // they may set another one
		// What the data may have for its default, serializable, a hot standby refuses, and one that was prepared keeps
		// others from reading, for ever.
		"default_transaction_isolation": "repeatable read",
	}
	if searchPath != "" {
		config.RuntimeParams["search_path"] = searchPath
	}
	if s.reader == nil || user != s.reader.name { // who has these by createReader, and may not set them
		maps.Copy(config.RuntimeParams, map[string]string{
			// A role's or a database's own go before the command line, and may name what is not installed here.
			"session_preload_libraries": "", "local_preload_libraries": "",
			// They may hide damage as well.
			"zero_damaged_pages": "off", "ignore_checksum_failure": "off",
			"temp_file_limit":             "-1", // of the machine it came from; the deeper checks sort whole tables
			"standard_conforming_strings": "on", // the drill's own queries, and no code of the data
		})
	}
	major, _ := strconv.Atoi(s.Installation.Major())
	for name, since := range map[string]int{"idle_session_timeout": 14, "transaction_timeout": 17} {
		if major >= since {
			config.RuntimeParams[name] = "0"
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return asBytes(ctx, conn)
}

// asBytes has a database without an encoding hand out names as they are stored: asked for UTF-8, it refuses all that
// is none (22021), and with it the list that it stands in.
func asBytes(ctx context.Context, conn *pgx.Conn) (*pgx.Conn, error) {
	const none = "SQL_ASCII"
	if conn.PgConn().ParameterStatus("server_encoding") != none {
		return conn, nil
	}
	if _, err := conn.Exec(ctx, "SET client_encoding = "+none); err != nil {
		_ = conn.Close(ctx) // nothing was written
		return nil, err
	}
	return conn, nil
}
