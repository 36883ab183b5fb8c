// Package node is the data directory of a machine that is restored for real: what is in it, who uses it, and the mark
// of a restore that has not ended. Nothing in this package removes or changes what it looks at.
package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Place is a data directory as it was found.
type Place struct {
	Dir     string   // absolute, every symbolic link resolved
	Exists  bool     // the directory is there
	Entries []string // what is in it, at most a few names; none is an empty one
	Version string   // PG_VERSION; "" where there is none
	Process int      // a server that works in it; 0 is none
	Patroni int      // the process of a Patroni that keeps it; 0 is none
	Restore int      // the process of a pgBackRest that restores into it; 0 is none
	// Signals are what tells how far a recovery is.
	Control, Recovery, Standby bool
	// SystemID is the system identifier by pg_control; "" where that is not there, or is cut.
	SystemID string
	// Ours says that the last start of the cluster was a restore's: nobody has used it since. Theirs says that it was
	// somebody else's.
	Ours, Theirs bool
	// Changed are the settings that a restore has commented out in postgresql.auto.conf and not given back.
	Changed []string
	Owner   string // whose the directory is, where that is not the user who runs PostgreSQL; else ""
	// Sealed is why nothing may be made beside the directory, where the mark of a restore lies; "" is that it may.
	Sealed    string
	Formation Formation
	Free      int64 // bytes that the user may take on its file system
	// Doubt is why more than Free may fit all the same; "" where it cannot.
	Doubt string
}

// ourStart is in the command line of a server that a restore has started, which PostgreSQL keeps in postmaster.opts
// until the next start: its configuration is in the scratch directory of the run.
var ourStart = regexp.MustCompile(`"config_file=/[^"]*/` + sandbox.Prefix +
	`[^"/]*-restore-[0-9a-f]{16}/etc/postgresql\.conf"`)

// mostNames bounds how many entries a sentence names.
const mostNames = 3

// Look looks at a data directory; home is that of the user who runs PostgreSQL. An error is config_invalid: the path
// cannot be one.
func Look(dir, home string) (p Place, err error) {
	if p.Dir, err = resolve(dir); err != nil {
		return p, reason.Errorf(reason.ConfigInvalid, "-to %s: %w", dir, err)
	}
	info, err := os.Lstat(p.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return p, reason.Errorf(reason.ConfigInvalid, "-to: %w", err)
	case !info.IsDir():
		return p, reason.Errorf(reason.ConfigInvalid, "-to %s is no directory", p.Dir)
	default:
		p.Exists = true
		if p.Owner, err = stranger(info); err == nil {
			err = p.read()
		}
		if errors.Is(err, fs.ErrPermission) && p.Owner != "" {
			return p, reason.Errorf(reason.ConfigInvalid, "-to %s: it belongs to %s, and may not be read: choose "+
				"another directory, or chown it if it is yours", p.Dir, p.Owner)
		}
		if err != nil {
			return p, reason.Errorf(reason.ConfigInvalid, "-to: %w", err)
		}
	}
	if p.Process, err = serverIn(p.Dir); err != nil {
		return p, reason.Errorf(reason.SandboxFailed, "look for a server in %s: %w", p.Dir, err)
	}
	p.Patroni, p.Restore = patroniOf("/proc", p.Dir), restoreInto("/proc", p.Dir)
	if p.Formation, err = readFormation(home, p.Dir); err != nil {
		return p, reason.Errorf(reason.ConfigInvalid, "-to %s: what pg_auto_failover knows of it: %w", p.Dir, err)
	}
	has, err := room(p.Dir)
	if err != nil {
		return p, reason.Errorf(reason.ConfigInvalid, "-to: %w", err)
	}
	p.Free, p.Doubt = has.Free, has.Doubt
	if err = unix.Access(filepath.Dir(p.Dir), unix.W_OK|unix.X_OK); err != nil {
		p.Sealed = err.Error()
	}
	return p, nil
}

// Resolved is the path of a data directory without symbolic links; what cannot be one stays as it is, and Look says
// why.
func Resolved(dir string) string {
	if whole, err := resolve(dir); err == nil {
		return whole
	}
	return dir
}

// resolve is the absolute path of a directory that may not be there yet; its parent must be.
func resolve(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("name the data directory")
	}
	if !filepath.IsAbs(dir) {
		return "", errors.New("the path must be absolute")
	}
	if whole, err := filepath.EvalSymlinks(dir); err == nil {
		return whole, nodeOf(whole)
	}
	if _, err := os.Lstat(dir); err == nil {
		return "", errors.New("it is a symbolic link to what is not there")
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(filepath.Clean(dir)))
	if err != nil {
		return "", fmt.Errorf("the directory above it must exist: %w", err)
	}
	whole := filepath.Join(parent, filepath.Base(filepath.Clean(dir)))
	return whole, nodeOf(whole)
}

// read looks into a directory that is there.
func (p *Place) read() error {
	open, err := os.Open(p.Dir)
	if err != nil {
		return err
	}
	defer open.Close() //nolint:errcheck // only read
	names, err := open.Readdirnames(mostNames + 1)
	if len(names) > 0 {
		err = nil
	}
	if err != nil && !strings.Contains(err.Error(), "EOF") {
		return err
	}
	p.Entries = names
	if version, unread := os.ReadFile(filepath.Join(p.Dir, "PG_VERSION")); unread == nil {
		p.Version = strings.TrimSpace(string(version[:min(len(version), 16)]))
	}
	p.Control, p.SystemID = exists(p.Dir, "global/pg_control"), systemID(p.Dir)
	p.Ours, p.Theirs = lastStart(p.Dir)
	if conf, unread := os.ReadFile(filepath.Join(p.Dir, "postgresql.auto.conf")); unread == nil {
		p.Changed = postgres.CommentedOut(string(conf))
	}
	p.Recovery, p.Standby = exists(p.Dir, "recovery.signal"), exists(p.Dir, "standby.signal")
	return nil
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// named are the entries as a sentence has them.
func (p Place) named() string { return quoted(p.Entries) }

// Make makes a data directory of the user who runs PostgreSQL.
func Make(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return own(dir)
}

// temporary ends the names of files that pgBackRest has not finished (STORAGE_FILE_TEMP_EXT).
const temporary = ".pgbackrest.tmp"

// unfinishedManifest is how an empty backup.manifest is called until it is in its place.
var unfinishedManifest = regexp.MustCompile(`^\.backup\.manifest\d+$`)

// NothingFinished says whether there is no file in a directory and all below it, but for links, what pgBackRest was
// about to write, and what a restore was about to have it take up.
func NothingFinished(dir string) (bool, error) {
	nothing := true
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Type()&fs.ModeSymlink == 0 && !strings.HasSuffix(path, temporary) &&
			!(filepath.Dir(path) == dir && unfinishedManifest.MatchString(entry.Name())) {
			nothing = false
			return fs.SkipAll
		}
		return err
	})
	return nothing, err
}

// MakeAs makes a directory that belongs to whom another belongs; one that is there must be empty, and theirs. It is for
// tablespaces, whose names come from the data: what is above it must be there. With replayed, what PostgreSQL itself
// makes in a tablespace may be there.
func MakeAs(dir, like string, replayed bool) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.ErrUnsupported
	}
	if err = os.Mkdir(dir, 0o700); err == nil {
		return os.Lchown(dir, int(owner.Uid), int(owner.Gid))
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	replayed = replayed && len(entries) == 1 && entries[0].IsDir() && versionDirectory.MatchString(entries[0].Name())
	if len(entries) > 0 && !replayed {
		return fmt.Errorf("it is not empty (%q): move what is there away", entries[0].Name())
	}
	there, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if s, ok := there.Sys().(*syscall.Stat_t); !ok || s.Uid != owner.Uid {
		return errors.New("it belongs to somebody else")
	}
	return nil
}

// own gives a directory to the user who runs PostgreSQL, where this process may.
func own(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := server()
	if err != nil {
		return err
	}
	return os.Lchown(dir, uid, gid)
}

// server is the user who runs PostgreSQL.
func server() (uid, gid int, err error) {
	if os.Geteuid() != 0 {
		return os.Geteuid(), os.Getegid(), nil
	}
	who, err := user.Lookup(host.ServiceUser)
	if err == nil {
		uid, err = strconv.Atoi(who.Uid)
	}
	if err == nil {
		gid, err = strconv.Atoi(who.Gid)
	}
	return uid, gid, err
}

// stranger is who owns a directory and does not run PostgreSQL; "" is the one who does.
func stranger(info fs.FileInfo) (string, error) {
	uid, _, err := server()
	owner, ok := info.Sys().(*syscall.Stat_t)
	if err != nil || !ok || int(owner.Uid) == uid {
		return "", err
	}
	return ownerOf(info), nil
}

// ownerOf is who owns a file: the name, or the number where there is none.
func ownerOf(info fs.FileInfo) string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "somebody else"
	}
	id := strconv.FormatUint(uint64(owner.Uid), 10)
	if who, err := user.LookupId(id); err == nil {
		return who.Username
	}
	return id
}

// room is what may be written where a directory is or will be.
func room(dir string) (sandbox.Room, error) {
	found, err := sandbox.Measure(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return sandbox.Measure(filepath.Dir(dir))
	}
	return found, err
}
