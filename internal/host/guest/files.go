package guest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/wait"
)

// fileTime bounds a file operation whose caller set no deadline.
const fileTime = time.Minute

// missing is the exit status of read.pl for a file that is not there.
const missing = 44

// Put writes a file as root. Directories that are missing on its way are made, for root, mode 0755.
func (m *Machine) Put(ctx context.Context, file string, content []byte, mode fs.FileMode, owner string) error {
	return m.onFile(ctx, "write", file, func(ctx context.Context) error {
		user, err := m.Account(ctx, owner)
		if err != nil {
			return err
		}
		argv := Perl(putScript, path.Clean(file), fmt.Sprintf("%o", unixMode(mode)), user.UID, user.GID,
			strconv.Itoa(len(content)))
		_, err = m.Script(ctx, argv, content)
		return err
	})
}

// unixMode is a mode as chmod(2) takes it.
func unixMode(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for of, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&of != 0 {
			bits |= bit
		}
	}
	return bits
}

// Read returns the content of a file, as root sees it. Only a file that is missing in a
// running container is fs.ErrNotExist; a container that is gone is sandbox_failed.
func (m *Machine) Read(ctx context.Context, file string) (content []byte, err error) {
	err = m.onFile(ctx, "read", file, func(ctx context.Context) error {
		content, err = m.Script(ctx, Perl(readScript, file), nil)
		return err
	})
	return content, err
}

// onFile refuses what cannot be meant, and says what failed.
func (m *Machine) onFile(ctx context.Context, verb, file string, act func(context.Context) error) error {
	ctx, done, err := m.Begin(ctx)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, file, err)
	}
	defer done()
	if wait.Over(ctx) {
		return fmt.Errorf("%s %s: %w", verb, file, context.Cause(ctx))
	}
	if !path.IsAbs(file) {
		return fmt.Errorf("%s %s: not an absolute path", verb, file)
	}
	bound, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	if _, err = m.engine.Life(bound); err == nil {
		err = act(bound)
	}
	if err != nil {
		return fmt.Errorf("%s %s in %s: %w", verb, file, m.name, err)
	}
	return nil
}

// Script runs a short program as root and returns what it printed.
func (m *Machine) Script(ctx context.Context, argv []string, stdin []byte) ([]byte, error) {
	stdout, stderr := &sink{}, &sink{}
	code, err := m.AsRoot(ctx, argv, Streams{bytes.NewReader(stdin), stdout, stderr})
	said := strings.TrimSpace(string(stderr.take()))
	switch {
	case wait.Over(ctx):
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, m.lost("it", err)
	case code == missing && said == "missing":
		return nil, fs.ErrNotExist
	case code > 128: // a stopped container takes its commands along
		return nil, m.lost("it", fmt.Errorf("exit status %d", code))
	case code != 0:
		return nil, m.engine.Failed(fmt.Errorf("exit status %d: %s", code, said))
	}
	return stdout.take(), nil
}
