package incus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// socketsName is the name of a directory of one instance's sockets.
var socketsName = regexp.MustCompile(`^[A-Za-z0-9-]+\.[a-z2-7]{8}$`)

// Reap removes the instances with our tags whose run is over: those this machine made when
// the process is dead, others when they have expired; kept ones only when they have expired. For the
// stanza "" it takes each stanza's lock itself, and leaves alone what is locked. It never
// touches an instance without our tags.
func (p Provider) Reap(ctx context.Context, stanza string) ([]string, error) {
	d, err := p.connect(ctx)
	if err != nil {
		return nil, failed(err)
	}
	var instances []api.Instance
	if err = d.get(ctx, "/1.0/instances?recursion=1", &instances); err != nil {
		return nil, failed(err)
	}
	var lines []string
	inUse := map[string]bool{}
	for _, i := range instances {
		line, gone, err2 := d.reapOne(ctx, i, stanza)
		if err2 != nil {
			err = errors.Join(err, fmt.Errorf("reap %s: %w", i.Name, err2))
		}
		if line != "" {
			lines = append(lines, line)
		}
		if !gone {
			inUse[i.Config[keySockets]] = true
		}
	}
	if d.here {
		err = errors.Join(err, reapSockets(inUse))
	}
	return lines, failed(err)
}

// reapOne looks at one instance and says what it did, "" for nothing.
func (d *Daemon) reapOne(ctx context.Context, i api.Instance, stanza string) (line string, gone bool, err error) {
	t, ok := readTag(i)
	if !ok || stanza != "" && t.Stanza != stanza {
		return lost(i), false, nil
	}
	remove, why := t.Verdict(time.Now())
	if !remove {
		if why != "" {
			why = fmt.Sprintf("left %s alone: %s", i.Name, why)
		}
		return why, false, nil
	}
	if stanza == "" {
		lock, err := sandbox.Acquire(t.Stanza)
		if why, _ := reason.Of(err); why == reason.Locked {
			return fmt.Sprintf("left %s alone: %v", i.Name, err), false, nil
		}
		if err != nil {
			return "", false, err
		}
		defer lock.Release() //nolint:errcheck // the kernel frees it at the latest
	}
	if err := d.remove(ctx, i, t); err != nil {
		return "", false, err
	}
	return fmt.Sprintf("removed %s, left by run %q of %s (%s)", i.Name, t.Run, t.Created, why), true, nil
}

// remove destroys an instance of ours, with its directory of sockets where that is on this machine.
func (d *Daemon) remove(ctx context.Context, i api.Instance, t guest.Tag) error {
	h := d.Open(i.Name)
	h.id = i.Config[keyID]
	if dir := i.Config[keySockets]; t.Here() && filepath.Dir(dir) == socketsDir &&
		socketsName.MatchString(filepath.Base(dir)) {
		h.sockets = dir
	}
	return h.Destroy(ctx)
}

// Kept are the instances with our tags that -keep left and whose time is not over.
func (p Provider) Kept(ctx context.Context) (list []sandbox.Kept, err error) {
	d, err := p.connect(ctx)
	if err != nil {
		return nil, failed(err)
	}
	var instances []api.Instance
	if err = d.get(ctx, "/1.0/instances?recursion=1", &instances); err != nil {
		return nil, failed(err)
	}
	for _, i := range instances {
		t, ok := readTag(i)
		until, kept, wanted := t.Kept(time.Now())
		if !ok || !kept {
			continue
		}
		list = append(list, sandbox.Kept{
			Name: i.Name, Stanza: t.Stanza, Until: until, Variables: d.variables,
			Remove: func(ctx context.Context) error {
				if wanted != nil {
					return failed(fmt.Errorf("%s: %w", i.Name, wanted))
				}
				return failed(d.remove(ctx, i, t))
			},
		})
	}
	return list, nil
}

// reapSockets removes the directories of sockets that belong to no living process and to no instance.
func reapSockets(inUse map[string]bool) error {
	info, err := os.Lstat(socketsDir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !guest.Private(info) {
		return nil // nothing was dialled by this user
	}
	entries, err := os.ReadDir(socketsDir)
	if err != nil {
		return nil //nolint:nilerr // not ours to look into
	}
	for _, e := range entries {
		dir := filepath.Join(socketsDir, e.Name())
		o, known, err2 := guest.ReadOwner(filepath.Join(dir, guest.OwnerFile))
		if err2 != nil || !known || !socketsName.MatchString(e.Name()) || inUse[dir] || o.Alive() {
			err = errors.Join(err, err2)
			continue
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
