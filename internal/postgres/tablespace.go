package postgres

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wal"
)

// SealTablespaces takes the right to change pg_tblspc away for the time of the
// replay. What the backup holds is linked already, into the sandbox. The replay of a CREATE
// TABLESPACE that came after it would link the original place instead, whatever was
// mapped (facts A2), and write old pages over the current ones when that place is on this
// machine; sealed, the replay ends there: see Log.Outside.
func (s *Server) SealTablespaces(ctx context.Context) error { return s.chmodTablespaces(ctx, "u-w") }

// UnsealTablespaces gives it back once recovery is over. What the group may stays as it is.
func (s *Server) UnsealTablespaces(ctx context.Context) error { return s.chmodTablespaces(ctx, "u+w") }

func (s *Server) chmodTablespaces(ctx context.Context, mode string) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{"chmod", mode, path.Join(s.Data, "pg_tblspc")}})
	return err
}

// sealedLink is how PostgreSQL says that the seal held; createdAt is the place the
// record names, in the CONTEXT line after it (tblspcdesc.c).
var (
	sealedLink = regexp.MustCompile(`could not (create|remove) symbolic link "pg_tblspc/\d+": Permission denied`)
	createdAt  = regexp.MustCompile(`Tablespace/CREATE: \d+ "([^"]*)"`)
)

// Tablespace is one that was made after the backup: the record that makes it, and what it names.
type Tablespace struct {
	At       wal.LSN
	OID      uint32
	Location string
}

// replayedCreate is the CONTEXT line of a replay that ended at such a record (rm_redo_error_callback).
var replayedCreate = regexp.MustCompile(
	`CONTEXT:\s+WAL redo at ([0-9A-F]+/[0-9A-F]+) for Tablespace/CREATE: (\d+) "(/[^"]*)"`)

// FailedTablespace is the tablespace that the replay ended at, by a server log; false when it ended
// elsewhere.
func FailedTablespace(log string) (t Tablespace, ok bool) {
	all := replayedCreate.FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return t, false
	}
	match := all[len(all)-1]
	oid, errOID := strconv.ParseUint(match[2], 10, 32)
	at, errAt := wal.ParseLSN(match[1])
	return Tablespace{at, uint32(oid), match[3]}, errOID == nil && errAt == nil
}

// restoreCommand is the setting by which recovery takes segments from the archive.
const restoreCommand = "restore_command"

// RestoreFirstFrom has recovery take the segments that are in a directory from there, and all others as
// before. It is for a server that is not running.
func (s *Server) RestoreFirstFrom(ctx context.Context, directory string) error {
	return s.addToAutoConf(ctx, func(conf string) (string, error) { return firstFrom(conf, directory) })
}

// addToAutoConf adds a line, made of what is there, to the postgresql.auto.conf of a server that is not running.
func (s *Server) addToAutoConf(ctx context.Context, line func(conf string) (string, error)) error {
	file := path.Join(s.Data, autoConf)
	content, err := s.Host.Read(ctx, file)
	if err != nil {
		return err
	}
	added, err := line(string(content))
	if err != nil {
		return err
	}
	return s.putAutoConf(ctx, append(content, added...))
}

// putAutoConf writes the postgresql.auto.conf with the mode that it has: where the group may read the cluster, a backup
// is taken by one of it.
func (s *Server) putAutoConf(ctx context.Context, content []byte) error {
	file, mode := path.Join(s.Data, autoConf), uint64(0o600)
	bound, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	said, err := s.Host.Run(bound, host.Command{Argv: []string{"stat", "-c", "%a", file}})
	if has, no := strconv.ParseUint(strings.TrimSpace(string(said.Stdout)), 8, 32); err == nil && no == nil {
		mode = has & uint64(fs.ModePerm)
	}
	return s.Host.Put(ctx, file, content, fs.FileMode(mode), "")
}

// firstFrom is the line to add to a postgresql.auto.conf.
func firstFrom(conf, directory string) (string, error) {
	before, err := restoreCommandOf(conf)
	if err != nil {
		return "", err
	}
	segment := "'" + strings.NewReplacer("'", `'"'"'`, "%", "%%").Replace(directory) + "'/%f"
	command := "if [ -f " + segment + " ]; then cp " + segment + ` "%p"; else ` + before + "; fi"
	return "\n" + restoreCommand + " = " + quoted(command) + "\n", nil
}

// TryFirst is the line to add to a postgresql.auto.conf, so that a command is tried before its restore_command.
func TryFirst(conf, command string) (string, error) {
	before, err := restoreCommandOf(conf)
	if err != nil {
		return "", err
	}
	return "\n" + restoreCommand + " = " + quoted(command+" || "+before) + "\n", nil
}

// restoreCommandOf is the restore_command that goes in a postgresql.auto.conf.
func restoreCommandOf(conf string) (command string, err error) {
	settings, _ := parseConf(autoConf, conf)
	for _, setting := range settings {
		if setting.Name == restoreCommand {
			command = setting.Value
		}
	}
	if command == "" {
		return "", errors.New("postgresql.auto.conf has no restore_command")
	}
	return command, nil
}
