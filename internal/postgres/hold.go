package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// Hold has a server replay up to a position, not one record more, and answer queries there. It is a hot standby that
// follows nobody but the archive: one of a recovery target alone would be FATAL where the archive ends at that
// position, and promote itself where no query may be asked yet.
type Hold struct {
	At wal.LSN
	// Archived is 0, or where the last segment of an archive begins that ends at At. Its last record may go on in the
	// next segment, which is not there: then replay stands still before At, and At becomes where.
	Archived wal.LSN
	// Least are settings of the server whose state is compared: a hot standby with less of them stops replaying.
	Least map[string]int
}

// Least are the settings that a hot standby must not have less of than the server this is the control file of.
func (c Control) Least() map[string]int {
	least := map[string]int{}
	for name, label := range inherited {
		if n, err := strconv.Atoi(c[label]); err == nil {
			least[name] = n
		}
	}
	return least
}

// standbySignal makes a server a standby. It goes before recovery.signal, which stays (manual, 27.2.5 Setting Up a
// Standby Server).
const standbySignal = "standby.signal"

// held are the settings of a hold, in the place of those of the same names. The target stands last: one that is emptied
// behind it would be taken for a second one (assign_recovery_target_name and the like).
func (h *Hold) held(list []string) []string {
	const target = "recovery_target_lsn"
	own := map[string]string{
		"hot_standby": "on", "recovery_target_inclusive": "off", "recovery_target_action": "pause",
	}
	list = slices.DeleteFunc(list, func(setting string) bool { return setting == target+"=" })
	for i, setting := range list {
		name, value, _ := strings.Cut(setting, "=")
		if better, ok := own[name]; ok {
			list[i] = name + "=" + better
		}
		if least, ok := h.Least[name]; ok {
			n, _ := strconv.Atoi(value)
			list[i] = name + "=" + strconv.Itoa(max(n, least))
		}
	}
	return append(list, target+"="+h.At.String())
}

// endsTime is how long replay stands still in the last segment of an archive until that is taken for its end.
const endsTime = 15 * time.Second

// reached says whether replay that is at a position, and has stood still there for so long, is where it is to stop.
func (h *Hold) reached(at wal.LSN, still time.Duration) bool {
	if h.Archived != 0 && at > h.Archived && at < h.At && still > endsTime {
		h.At = at
	}
	return at == h.At
}

// StartHeld starts the server to stop at its Hold.
func (s *Server) StartHeld(ctx context.Context, control Control) error {
	if err := s.Host.Put(ctx, path.Join(s.Data, standbySignal), nil, 0o600, ""); err != nil {
		return err
	}
	return s.Start(ctx, control)
}

// WaitHeld waits until everything before the Hold is replayed, and returns a session of the superuser. before runs
// before the first connection. It gives up when nothing moves for as long as patience.
func (s *Server) WaitHeld(
	ctx context.Context, patience time.Duration, before func(context.Context) error,
) (conn *pgx.Conn, err error) {
	var moved time.Time
	var last string
	polls := 0
	err = wait.For(ctx, "replay up to "+s.Hold.At.String(), pollInterval, func(ctx context.Context) error {
		if polls++; polls%aliveEvery == 0 {
			if gone := s.alive(ctx); gone != nil {
				return gone
			}
		}
		at, state := s.heldAt(ctx, &conn, before)
		if now := s.progress(ctx, at); now != last || moved.IsZero() {
			last, moved = now, time.Now()
		}
		switch {
		case state == nil && s.Hold.reached(at, time.Since(moved)):
			return nil
		case at > s.Hold.At:
			return wait.Stop(fmt.Errorf("it went on to %s", at))
		case time.Since(moved) > patience:
			return wait.Stop(fmt.Errorf("nothing has moved for %s: %w", patience, errors.Join(state,
				fmt.Errorf("replayed up to %s", at))))
		}
		return errors.Join(state, fmt.Errorf("replayed up to %s", at))
	})
	return conn, err
}

// heldAt is how far a server has replayed; 0 while it takes no connections.
func (s *Server) heldAt(ctx context.Context, conn **pgx.Conn, before func(context.Context) error) (wal.LSN, error) {
	if *conn == nil {
		content, err := s.Host.Read(ctx, path.Join(s.Data, "postmaster.pid"))
		if err != nil {
			return 0, stopIfLost(err)
		}
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		if state := strings.TrimSpace(lines[len(lines)-1]); state != "ready" { // of a hot standby as well
			return 0, fmt.Errorf("the postmaster says %q", state)
		}
		if err = before(ctx); err != nil {
			return 0, wait.Stop(err)
		}
		if *conn, err = s.firstSession(ctx); err != nil {
			return 0, wait.Stop(err)
		}
	}
	var at string
	var recovering bool
	const query = "SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn()::text, '0/0')"
	if err := (*conn).QueryRow(ctx, query).Scan(&recovering, &at); err != nil {
		return 0, wait.Stop(err)
	}
	if !recovering {
		return 0, wait.Stop(errors.New("it left recovery: nobody could connect there, as while a transaction " +
			"with more than 64 subtransactions is not over"))
	}
	return wal.ParseLSN(at)
}

// progress changes whenever replay gets on. A segment that cannot be replayed is fetched again and again.
func (s *Server) progress(ctx context.Context, at wal.LSN) string {
	log, err := s.ReadLog(ctx)
	if err != nil {
		return ""
	}
	return fmt.Sprint(at, log.Segments())
}

// releaseTime bounds the end of a Hold. A hot standby whose sessions have crashed it may never come to its end.
const releaseTime = 2 * time.Minute

// Release ends a Hold: the server is stopped in good order, and its next start recovers to the end.
func (s *Server) Release(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, releaseTime, errors.New("the hot standby does not come to its end"))
	defer cancel()
	if err := s.StopCleanly(ctx); err != nil {
		return err
	}
	s.Hold = nil
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{"rm", "-f", path.Join(s.Data, standbySignal)}})
	return err
}

// Comparer is a role of the data that is made for comparing, and may read all of it: a name of the installation's role.
const Comparer = "veza_compare"

// ComparingRole is who compares the data of a server that nobody can make a role on: Comparer where the data has it as
// a login, and else the superuser. Neither must be made to run the data's code.
func (s *Server) ComparingRole(ctx context.Context) (role string, err error) {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	var there bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles
		WHERE rolname = $1 AND rolcanlogin AND NOT rolsuper)`, Comparer).Scan(&there)
	if there {
		return Comparer, err
	}
	return s.User, err
}

// ConnectRole opens a session of a role of the data, with settings of its own and nothing else of the drill's: it has
// the rights it has in production. database "" is Home, which lets the superuser in. A locale that is not installed
// here is tool_missing.
func (s *Server) ConnectRole(
	ctx context.Context, role, database string, parameters map[string]string,
) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable connect_timeout=10")
	if err != nil {
		return nil, err
	}
	if database == "" {
		database = s.Home
	}
	config.Host, config.Port, config.User, config.Database = s.Socket, uint16(s.Port), role, database
	config.Password, config.Fallbacks, config.DialFunc = "", nil, s.Host.Dial
	config.RuntimeParams = maps.Clone(parameters)
	if role == s.User { // what a database or role is set to goes before the command line, and may run the data's code
		maps.Copy(config.RuntimeParams, map[string]string{
			"session_preload_libraries": "", "zero_damaged_pages": "off", "ignore_checksum_failure": "off",
		})
		if major, _ := strconv.Atoi(s.Installation.Major()); major >= 17 {
			config.RuntimeParams["event_triggers"] = "off"
		}
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if missing := MissingLocale(err); missing != nil {
		return nil, missing
	}
	return conn, err
}
