package incus

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// fileTime bounds a file operation whose caller set no deadline.
const fileTime = patchTime

// missing is the exit status of read.pl for a file that is not there.
const missing = 44

// Put writes a file as root. Directories that are missing on its way are made, for root, mode 0755.
func (h *Host) Put(ctx context.Context, file string, content []byte, mode fs.FileMode, owner string) error {
	return h.onFile(ctx, "write", file, func(ctx context.Context) error {
		user, err := h.account(ctx, owner)
		if err != nil {
			return err
		}
		argv := perl(putScript, path.Clean(file), fmt.Sprintf("%o", unixMode(mode)), user.uid, user.gid, strconv.Itoa(len(content)))
		_, err = h.script(ctx, argv, content)
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
func (h *Host) Read(ctx context.Context, file string) (content []byte, err error) {
	err = h.onFile(ctx, "read", file, func(ctx context.Context) error {
		content, err = h.script(ctx, perl(readScript, file), nil)
		return err
	})
	return content, err
}

// onFile refuses what cannot be meant, and says what failed.
func (h *Host) onFile(ctx context.Context, verb, file string, act func(context.Context) error) error {
	ctx, done, err := h.begin(ctx)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, file, err)
	}
	defer done()
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", verb, file, context.Cause(ctx))
	}
	if !path.IsAbs(file) {
		return fmt.Errorf("%s %s: not an absolute path", verb, file)
	}
	bound, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	if _, err = h.inLife(bound); err == nil {
		err = act(bound)
	}
	if err != nil {
		return fmt.Errorf("%s %s in %s: %w", verb, file, h.name, err)
	}
	return nil
}

// script runs one of the embedded programs as root and returns what it printed.
func (h *Host) script(ctx context.Context, argv []string, stdin []byte) ([]byte, error) {
	stdout, stderr := &sink{}, &sink{}
	code, err := h.asRoot(ctx, argv, streams{bytes.NewReader(stdin), stdout, stderr})
	said := strings.TrimSpace(string(stderr.take()))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, lost(h, "it", err)
	case code == missing && said == "missing":
		return nil, fs.ErrNotExist
	case code > 128: // a stopped container takes its commands along
		return nil, lost(h, "it", fmt.Errorf("exit status %d", code))
	case code != 0:
		return nil, ifFull(fmt.Errorf("exit status %d: %s", code, said))
	}
	return stdout.take(), nil
}
