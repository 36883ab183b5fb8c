package postgres

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"veza.fr/recovery/internal/host"
)

// Replay writes what the primary's settings were into pg_control when it meets a change of them, and at the end of
// recovery the sandbox writes its own there. So the file is looked at while recovery goes on.

// keptControls is how many different states of pg_control are kept, the newest: the last one or two may hold
// the sandbox's own settings.
const keptControls = 6

// lookAtControl keeps the present state of pg_control. One that cannot be read now is looked at again.
func (s *Server) lookAtControl(ctx context.Context) {
	content, err := s.Host.Read(ctx, path.Join(s.Data, "global/pg_control"))
	if err != nil || len(s.controls) > 0 && bytes.Equal(s.controls[len(s.controls)-1], content) {
		return
	}
	s.controls = append(s.controls, content)
	s.controls = s.controls[max(0, len(s.controls)-keptControls):]
}

// standbyDefaults are PostgreSQL's own values of the settings that a server with hot_standby on must not have
// lower than the WAL it replays asks for (facts B4).
var standbyDefaults = map[string]int{
	"max_connections": 100, "max_worker_processes": 8, "max_wal_senders": 10, preparedSetting: 0,
	"max_locks_per_transaction": 64,
}

// TooLow are sentences on restored settings that are lower than the WAL asks for, which the sandbox, with
// hot_standby off and the settings of pg_control, does not notice. What may have been said by what is in no backup is
// not known here. Known after Wait.
func (s *Server) TooLow(ctx context.Context) (list []string, err error) {
	if hot, set := s.Restored.Value("hot_standby"); set && slices.Contains(offValues, hot.Value) ||
		slices.Contains(s.Restored.Missing, mainConf) {
		return nil, nil
	}
	wanted := s.control.standbySettings()
	for _, content := range s.controls {
		control, err := s.readControlFile(ctx, content)
		if err != nil {
			return nil, err
		}
		for name, value := range control.standbySettings() {
			own := name == preparedSetting && s.ownPrepared(value)
			if value > wanted[name] && !own {
				wanted[name] = value
			}
		}
	}
	maps.DeleteFunc(wanted, func(name string, _ int) bool { return s.inNoBackup(name) })
	return s.Restored.tooLow(wanted), nil
}

// tooLow compares the restored settings with what the WAL asks for.
func (r Restored) tooLow(wanted map[string]int) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		has, place := standbyDefaults[name], "PostgreSQL's default"
		if at, set := r.Value(name); set {
			value, err := strconv.Atoi(at.Value)
			if err != nil {
				continue
			}
			has, place = value, fmt.Sprintf("%s:%d", at.File, at.Line)
		}
		if has < wanted[name] {
			list = append(list, fmt.Sprintf("%s = %d (%s), and the WAL asks for %d: not obeyed here; after a plain "+
				"restore with hot_standby on recovery stops there, and waits: raise it, or start with hot_standby off",
				name, has, place, wanted[name]))
		}
	}
	return list
}

// standbySettings are those a control file holds of them.
func (c Control) standbySettings() map[string]int {
	values := map[string]int{}
	for name := range standbyDefaults {
		if value, err := strconv.Atoi(c[inherited[name]]); err == nil {
			values[name] = value
		}
	}
	return values
}

// readControlFile has pg_controldata read a copy of a pg_control.
func (s *Server) readControlFile(ctx context.Context, content []byte) (Control, error) {
	dir := s.file("replayed")
	global := path.Join(dir, "global")
	if _, err := s.Host.Run(ctx, host.Command{Argv: []string{"mkdir", "-p", global}}); err != nil {
		return nil, err
	}
	if err := s.Host.Put(ctx, path.Join(global, "pg_control"), content, 0o600, ""); err != nil {
		return nil, err
	}
	return ReadControl(ctx, s.Host, s.Installation, dir)
}
