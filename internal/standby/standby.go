// Package standby asks a streaming standby of production for the exact state at one position in the WAL, without
// touching the primary. Replay is paused for as long as it takes to take a snapshot in each database, some tens of
// milliseconds; everything after that runs under these snapshots while replay goes on.
//
// Whatever becomes of this process, the standby goes on: see guard.
package standby

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
	"veza.fr/recovery/internal/wal"
)

// Standby is one server, and the first session on it.
type Standby struct {
	Identity
	config *pgx.ConnConfig // of this one server
	conn   *pgx.Conn

	mu     sync.Mutex
	frozen map[string]*sessions // those that hold the snapshots, by database
}

// Identity is which server it is.
type Identity struct {
	SystemID string
	Major    string
	User     string         // that asks
	Where    string         // address, for a sentence
	Needs    map[string]int // settings that a server must not have less of to replay from the same primary
	Switches time.Duration  // archive_timeout, as the standby has it; 0 is none
	started  time.Time      // the server
}

// Config reads a libpq string, the PG... variables of this process included.
func Config(libpq string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(libpq)
	if err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid, "-standby: %s", oneLine(err))
	}
	return config, nil
}

// connectTime bounds a connection, and each small question.
const connectTime = 15 * time.Second

// Open connects to the standby, the first of several hosts that is one. Reasons are standby_unusable and, for a
// PostgreSQL that is too old, config_invalid.
func Open(ctx context.Context, config *pgx.ConnConfig) (*Standby, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	var refused []error
	for _, one := range candidates(config) {
		conn, err := pgx.ConnectConfig(ctx, one)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		s := &Standby{config: one, conn: conn, frozen: map[string]*sessions{}}
		if err = s.identify(ctx); err != nil {
			s.Close(ctx)
			return nil, err
		}
		return s, nil
	}
	return nil, unusable("cannot connect; is it up, and is the password in a passfile or service file? %s",
		oneLine(errors.Join(refused...)))
}

// unusable is what keeps a standby from being compared with. It says nothing about the backups.
func unusable(format string, args ...any) error {
	return reason.Errorf(reason.StandbyUnusable, "-standby: "+format, args...)
}

// candidates are the hosts of a libpq string, each alone: later sessions must reach the server of the first one.
func candidates(config *pgx.ConnConfig) (list []*pgx.ConnConfig) {
	own := config.Copy()
	own.RuntimeParams = maps.Clone(config.RuntimeParams)
	if own.RuntimeParams == nil {
		own.RuntimeParams = map[string]string{}
	}
	maps.Copy(own.RuntimeParams, compare.Parameters)
	own.DefaultQueryExecMode = pgx.QueryExecModeExec
	for _, f := range append([]*pgconn.FallbackConfig{
		{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig},
	}, config.Fallbacks...) {
		one := own.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = f.Host, f.Port, f.TLSConfig, nil
		list = append(list, one)
	}
	return list
}

// identify asks which server it is, and whether it is a standby that replays.
func (s *Standby) identify(ctx context.Context) error {
	var version int
	var recovering bool
	var switches int
	needs := make([]int, len(needed))
	into := []any{&version, &recovering, &s.User, &s.config.Database, &s.started, &switches}
	query := `SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), session_user::text,
		current_database()::text,
		pg_postmaster_start_time(), (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout')`
	for i, name := range needed {
		query += ", current_setting('" + name + "')::int"
		into = append(into, &needs[i])
	}
	if err := s.conn.QueryRow(ctx, query).Scan(into...); err != nil {
		return unusable("cannot be asked who it is: %s", oneLine(err))
	}
	s.Switches = time.Duration(switches) * time.Second
	s.Where = s.conn.PgConn().Conn().RemoteAddr().String()
	s.Major, s.Needs = strconv.Itoa(version/10000), map[string]int{}
	for i, name := range needed {
		s.Needs[name] = needs[i]
	}
	if !versions.PausedState.In(s.Major) {
		return reason.Errorf(reason.ConfigInvalid, "-compare standby needs PostgreSQL %s or later, this is %s",
			versions.PausedState.Since(), s.Major)
	}
	if !recovering {
		return unusable("%s is no standby: it is not in recovery; name one, or add target_session_attrs=standby where "+
			"several hosts are named", s.Where)
	}
	var id int64
	if err := s.conn.QueryRow(ctx, "SELECT system_identifier FROM pg_control_system()").Scan(&id); err != nil {
		return unusable("cannot be asked for its system identifier: %s", oneLine(err))
	}
	s.SystemID = strconv.FormatUint(uint64(id), 10)
	return s.mayRead(ctx)
}

// mayRead refuses a role to which every table would be closed: what is left of a comparison then is no proof. Without
// BYPASSRLS single tables may be, and are named.
func (s *Standby) mayRead(ctx context.Context) error {
	var may bool
	err := s.conn.QueryRow(ctx, "SELECT pg_has_role('pg_read_all_data', 'USAGE')").Scan(&may)
	if err != nil {
		return unusable("cannot be asked what the role may read: %s", oneLine(err))
	}
	if !may {
		role := pgx.Identifier{s.User}.Sanitize()
		return unusable("role %s may not read the data: on the primary GRANT pg_read_all_data TO %s, and ALTER ROLE "+
			"%s BYPASSRLS for tables with row security", role, role, role)
	}
	return nil
}

// needed are the settings a hot standby must not have less of than its primary (manual, 27.4.3 Administrator's
// Overview).
var needed = []string{
	"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions",
	"max_locks_per_transaction",
}

// connect opens another session on the same server, in a database; "" is that of the libpq string.
func (s *Standby) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	config := s.config.Copy()
	if database != "" {
		config.Database = database
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	var started time.Time
	if err = conn.QueryRow(ctx, "SELECT pg_postmaster_start_time()").Scan(&started); err == nil &&
		!started.Equal(s.started) {
		err = errors.New("another server answers at the same address, or it was started again")
	}
	if err != nil {
		compare.CloseNow(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// LetsIn says that the role may log in still.
func (s *Standby) LetsIn(ctx context.Context) bool {
	conn, err := s.connect(ctx, "")
	if err != nil {
		return false
	}
	compare.CloseNow(ctx, conn)
	return true
}

// revive opens the first session again, on the same server, where the round before has lost it.
func (s *Standby) revive(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if s.conn.Ping(bound) == nil {
		return nil
	}
	conn, err := s.connect(ctx, "")
	if err != nil {
		return unusable("the session was ended, and there is no other: %s", oneLine(err))
	}
	compare.CloseNow(ctx, s.conn)
	s.conn = conn
	return nil
}

// Lag is by how much replay is behind what the primary has written, as far as the standby knows: since the last
// transaction that it replayed, and where that is none, since it was started.
func (s *Standby) Lag(ctx context.Context) (lag time.Duration, at wal.LSN, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	var seconds float64
	var replayed string
	err = s.conn.QueryRow(ctx, `SELECT pg_last_wal_replay_lsn()::text,
		CASE WHEN coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), true) THEN 0
		ELSE extract(epoch FROM clock_timestamp() -
			coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) END::float8`).
		Scan(&replayed, &seconds)
	if err != nil {
		return 0, 0, unusable("cannot be asked how far it is: %s", oneLine(err))
	}
	at, err = wal.ParseLSN(replayed)
	return time.Duration(seconds * float64(time.Second)), at, err
}

// Close ends every session on the standby.
func (s *Standby) Close(ctx context.Context) {
	s.thaw(ctx)
	compare.CloseNow(ctx, s.conn)
}

// thaw lets the snapshots go.
func (s *Standby) thaw(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, some := range s.frozen {
		for _, conn := range some.all {
			compare.CloseNow(ctx, conn)
		}
	}
	clear(s.frozen)
}

// oneLine is an error without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(fmt.Sprint(err)), " ") }
