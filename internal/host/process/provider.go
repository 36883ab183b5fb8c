package process

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// directories are what every sandbox has.
var directories = []string{"data", "tblspc", "run", "etc", "log", "lock", "spool"}

// maxSocket is the longest path of a Unix socket on Linux, in bytes: sun_path
// holds 108, the last of them 0.
const maxSocket = 107

// usualTemp is TMPDIR where nobody sets it.
const usualTemp = "/tmp"

// shortTemp holds the directory of the sockets where TMPDIR is too deep for their names.
const shortTemp = usualTemp

// Provider makes sandboxes that are scratch directories of this machine, in TMPDIR.
type Provider struct{}

var _ sandbox.Provider = Provider{}

// Environment is the info metric's word for this provider.
func (Provider) Environment() string { return "process" }

// Launch makes a scratch directory, tagged before anything else is in it.
// Errors are sandbox_failed (disk_space when it is full), or tool_missing when
// there is no user to run PostgreSQL as.
func (Provider) Launch(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	user, err := defaultAccount()
	if err != nil {
		return nil, err
	}
	name, err := sandbox.FileName(spec.Stanza)
	if err != nil {
		return nil, err
	}
	parent, err := tempDir()
	if err != nil {
		return nil, failed(err)
	}
	dir := filepath.Join(parent, sandbox.Prefix+name+"-"+random())
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, failed(err)
	}
	s := &Sandbox{Host: newHost(dir, user), tag: tag{
		Run: spec.Run, Stanza: spec.Stanza, UID: os.Geteuid(), Created: time.Now(),
		PID: os.Getpid(), Started: statOf(os.Getpid()).started,
	}}
	if len(filepath.Join(dir, "run", ".s.PGSQL.65535")) > maxSocket {
		s.tag.Sockets = filepath.Join(shortTemp, "vz-"+random())
		s.dirs = append(s.dirs, s.tag.Sockets)
	}
	return s, failed(s.build(ctx))
}

// failed gives an error of this provider its reason.
func failed(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return reason.Wrap(reason.DiskSpace, err)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}

// tempDir is TMPDIR without symbolic links: the kernel names working directories so.
func tempDir() (string, error) {
	dir, err := filepath.Abs(os.TempDir())
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", fmt.Errorf("TMPDIR: %w", err)
	}
	return dir, usable(dir)
}

// usable refuses a directory whose name would not be taken as it is; the error's reason is config_invalid.
func usable(dir string) error {
	if !sandbox.PlainPath(dir) {
		return reason.Errorf(reason.ConfigInvalid, "TMPDIR: %q has a character that commands would not take as it is: "+
			"set TMPDIR to another directory", dir)
	}
	return nil
}

// random is the part of a name that nobody can guess.
func random() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
