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
	Port         int      // names the socket; nothing listens on TCP
	Env          []string // environment of the postmaster, for restore_command
	Target       string   // the recovery_target_... setting in use; "" for the end of the archive
	User         string   // role that SQL runs as, known after Wait

	// Preloaded are the libraries of shared_preload_libraries that were loaded, LeftOut
	// those that were not.
	Preloaded, LeftOut []string

	token    string // in every line that this start of the server writes into its log
	logBegin int    // where in LogFile they begin
	reader   *reader
}

func (s *Server) file(name string) string { return path.Join(s.Conf, name) }

// files are the sandbox's own configuration: the restored one may be missing, or
// include what is not here. postgresql.auto.conf, with restore_command in it, is
// still read from the data directory.
var files = map[string]string{
	"postgresql.conf": "# The restore drill gives every setting on the command line.\n",
	"pg_hba.conf":     "local all all trust\n",
	"pg_ident.conf":   "",
}

// Start starts PostgreSQL and waits until its postmaster is at work, or dead; ctx
// bounds the wait. Recovery goes on after it: see Wait. Why it did not start stands
// in the log: see Log.StartError.
func (s *Server) Start(ctx context.Context, control Control) error {
	for name, content := range files {
		if err := s.Host.Put(ctx, s.file(name), []byte(content), 0o600, ""); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	if err := s.beginLog(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	preload, leftOut, err := s.preload(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	s.Preloaded, s.LeftOut = preload, leftOut
	if err = s.dropMachineSettings(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	var options strings.Builder
	for _, setting := range s.settings(control, preload) {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&options, " -c %s=%s", name, shellQuote(value))
	}
	_, err = s.Host.Run(ctx, host.Command{Env: s.Env, Argv: []string{
		s.Installation.Program("pg_ctl"), "start", "-D", s.Data, "-l", s.LogFile, "-w",
		"-t", strconv.Itoa(secondsLeft(ctx)), "-s", "-o", options.String(),
	}})
	return err
}

// shellQuote protects a value from the shell that pg_ctl hands -o to.
func shellQuote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

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

// Connect opens a connection to a database as User, the superuser, for what nobody else may do.
// What asks the data takes ConnectReader. Operators and functions are the catalog's own here,
// whatever search_path the data brings.
func (s *Server) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return s.connectAs(ctx, s.User, database, "pg_catalog")
}

// connectAs connects as a role. Settings that would make a query fail for reasons of
// configuration are taken away; searchPath "" leaves the one that the data brings.
func (s *Server) connectAs(ctx context.Context, user, database, searchPath string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.User, config.Database = s.Socket, uint16(s.Port), user, database
	config.Password = ""
	config.Fallbacks = nil
	config.DialFunc = s.Host.Dial
	config.RuntimeParams = map[string]string{
		"application_name": "veza-drill", "statement_timeout": "0", "lock_timeout": lockTimeout,
		"idle_in_transaction_session_timeout": "0", "default_transaction_read_only": "on", "row_security": "off",
		"role": "none", // they may set another one
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
		})
	}
	major, _ := strconv.Atoi(s.Installation.Major())
	for name, since := range map[string]int{"idle_session_timeout": 14, "transaction_timeout": 17} {
		if major >= since {
			config.RuntimeParams[name] = "0"
		}
	}
	return pgx.ConnectConfig(ctx, config)
}
