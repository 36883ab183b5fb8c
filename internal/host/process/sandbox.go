package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Sandbox is a scratch directory with the directories of a sandbox in it.
type Sandbox struct {
	*Host
	tag tag
}

var (
	_ sandbox.Sandbox  = (*Sandbox)(nil)
	_ sandbox.Findable = (*Sandbox)(nil)
)

// Dir is the path of one of the sandbox's directories. That of the sockets is
// elsewhere when TMPDIR is too deep for their names.
func (s *Sandbox) Dir(name string) string {
	if name == "run" && s.tag.Sockets != "" {
		return filepath.Join(s.tag.Sockets, "run")
	}
	return filepath.Join(s.dir, name)
}

// Keep writes into the tag until when no reaper may touch the sandbox.
func (s *Sandbox) Keep(_ context.Context, until time.Time) error {
	if err := s.alive(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag.Kept = until
	return s.tag.write(s.dir)
}

// Gone says what is left of the sandbox, nil when nothing is.
func (s *Sandbox) Gone(context.Context) error {
	pids, err := processes(inScratch(s.dirs...))
	if len(pids) > 0 {
		err = fmt.Errorf("processes %v still run in %s", pids, s.dir)
	}
	for _, dir := range s.dirs {
		if _, err2 := os.Lstat(dir); !errors.Is(err2, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("%s is still there", dir))
		}
	}
	return reason.Wrap(reason.SandboxFailed, err)
}

// build fills the empty scratch directory, the tag first.
func (s *Sandbox) build(ctx context.Context) error {
	if err := s.tag.write(s.dir); err != nil {
		return err
	}
	if s.tag.Sockets != "" {
		if err := os.Mkdir(s.tag.Sockets, 0o700); err != nil {
			return err
		}
	}
	for _, dir := range s.dirs { // the user of the commands passes through, and changes nothing
		if err := errors.Join(os.Chown(dir, -1, int(s.user.gid)), os.Chmod(dir, 0o750)); err != nil {
			return err
		}
	}
	for _, name := range directories {
		if err := s.makeDir(s.Dir(name)); err != nil {
			return err
		}
	}
	return s.enter(ctx)
}

func (s *Sandbox) makeDir(path string) error {
	return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, int(s.user.uid), int(s.user.gid)), os.Chmod(path, 0o700))
}

// enter proves that the user of the commands reaches the directory.
func (s *Sandbox) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	_, err := s.Run(ctx, host.Command{Argv: []string{"true"}, Dir: s.Dir("data")})
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("user %s cannot enter %s: set TMPDIR to a directory that every user may enter: %w",
			s.user.name, s.dir, err)
	}
	return err
}
