package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/moby/moby/client"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// leftover is a container or a network with our labels.
type leftover struct {
	kind, name, id string
	labels         map[string]string
	remove         func(ctx context.Context, id string) error
}

// Reap removes the containers, and after them the networks, with our labels whose run is
// over: those this machine made when the process is dead, others when they have expired;
// kept ones only when they have expired. For the stanza "" it takes each stanza's lock
// itself, and leaves alone what is locked. Volumes go with their containers.
func (p Provider) Reap(ctx context.Context, stanza string) ([]string, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	found, err := e.leftovers(ctx)
	if err != nil {
		return nil, failed(err)
	}
	var lines []string
	for _, l := range found {
		line, err2 := l.reap(ctx, stanza)
		if err2 != nil {
			err = errors.Join(err, fmt.Errorf("reap %s %s: %w", l.kind, l.name, err2))
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines, failed(err)
}

// leftovers are all things with our labels, containers first: they keep their networks.
func (e *engine) leftovers(ctx context.Context) (list []leftover, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	ours := make(client.Filters).Add("label", keyPrefix+guest.KeyRun)
	containers, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, err
	}
	for _, c := range containers.Items {
		l := leftover{"container", c.ID[:12], c.ID, maps.Clone(c.Labels), e.remove}
		for _, name := range c.Names {
			l.name = name[1:]
			if kept := keptName.FindStringSubmatch(name); kept != nil {
				l.labels[keyPrefix+guest.KeyKept], l.labels[keyPrefix+guest.KeyExpires] = "true", kept[2]
			}
		}
		list = append(list, l)
	}
	networks, err := e.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return nil, err
	}
	for _, n := range networks.Items {
		list = append(list, leftover{"network", n.Name, n.ID, n.Labels, e.unlink})
	}
	return list, nil
}

// reap looks at one and says what it did, "" for nothing.
func (l leftover) reap(ctx context.Context, stanza string) (string, error) {
	t, ok := guest.ReadTag(keyPrefix, l.labels)
	if !ok || stanza != "" && t.Stanza != stanza {
		return "", nil
	}
	remove, why := t.Verdict(time.Now())
	if !remove {
		if why != "" {
			why = fmt.Sprintf("left %s %s alone: %s", l.kind, l.name, why)
		}
		return why, nil
	}
	if stanza == "" {
		lock, err := sandbox.Acquire(t.Stanza)
		if why, _ := reason.Of(err); why == reason.Locked {
			return fmt.Sprintf("left %s %s alone: %v", l.kind, l.name, err), nil
		}
		if err != nil {
			return "", err
		}
		defer lock.Release() //nolint:errcheck // the kernel frees it at the latest
	}
	if err := l.remove(ctx, l.id); err != nil {
		return "", err
	}
	return fmt.Sprintf("removed %s %s, left by run %q of %s (%s)", l.kind, l.name, t.Run, t.Created, why), nil
}

// Kept are the containers with our labels that -keep left and whose time is not over.
func (p Provider) Kept(ctx context.Context) (list []sandbox.Kept, err error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	found, err := e.leftovers(ctx)
	if err != nil {
		return nil, failed(err)
	}
	for _, l := range found {
		t, ok := guest.ReadTag(keyPrefix, l.labels)
		until, kept, wanted := t.Kept(time.Now())
		if !ok || !kept {
			continue
		}
		list = append(list, sandbox.Kept{
			Name: l.name, Stanza: t.Stanza, Until: until,
			Remove: func(ctx context.Context) error {
				if wanted != nil {
					return failed(fmt.Errorf("%s: %w", l.name, wanted))
				}
				return failed(l.remove(ctx, l.id))
			},
		})
	}
	return list, nil
}
