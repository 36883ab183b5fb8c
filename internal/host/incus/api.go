package incus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	incus "github.com/lxc/incus/v6/client"
	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// Bounds on the daemon's answers: one that hangs must not hang the drill.
const (
	callTime   = 10 * time.Second // a question
	patchTime  = time.Minute      // a change of devices, which is made before it is answered
	sliceTime  = 20 * time.Second // of a long wait: the daemon is asked again after each
	settleTime = 15 * time.Second // for the end of something nobody waits for any more
)

// errSilent is the end of one of the bounds.
var errSilent = errors.New("no answer in time")

func escape(name string) string { return url.PathEscape(name) }

// at is the client for one call: every request ends with ctx. WithContext changes its
// receiver, so it gets one of its own.
func (d *Daemon) at(ctx context.Context) incus.InstanceServer {
	if own, ok := d.server.UseProject(d.project).(*incus.ProtocolIncus); ok {
		return own.WithContext(ctx)
	}
	return d.server
}

// call sends one request and reads the answer, within limit. The client's own calls for
// operations are not used: they listen to events, which no context ends.
func (d *Daemon) call(ctx context.Context, limit time.Duration, method, path string, data any) (*api.Response, error) {
	bound, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	resp, _, err := d.at(bound).RawQuery(method, path+separator+"project="+url.QueryEscape(d.project), data, "")
	switch {
	case err == nil:
		return resp, nil
	case wait.Over(ctx):
		return nil, fmt.Errorf("%s: %w (%v)", d.place, context.Cause(ctx),
			err) //nolint:errorlint // only the cause may speak
	case wait.Over(bound): // a deadline of ours, not of the caller's
		return nil, reason.Errorf(reason.SandboxFailed,
			"%s has not answered for %v: is it stopped, or overloaded? (%s %s)", d.place, limit, method, path)
	default:
		return nil, err
	}
}

// get reads one thing of the daemon's into target.
func (d *Daemon) get(ctx context.Context, path string, target any) error {
	resp, err := d.call(ctx, callTime, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return resp.MetadataAsStruct(target)
}

// operate starts an operation of the daemon and waits for its end.
func (d *Daemon) operate(ctx context.Context, method, path string, data any) error {
	_, err := d.operation(ctx, method, path, data)
	return err
}

// settle is operate for what must have an end that is known: when ctx ends it waits a while longer.
func (d *Daemon) settle(ctx context.Context, method, path string, data any) error {
	id, err := d.operation(ctx, method, path, data)
	if id == "" || !wait.Over(ctx) {
		return err
	}
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	_, _ = d.await(longer, id) // that it has ended is what counts
	return err
}

// operation is the name of an operation that was started, and the error it ended with.
func (d *Daemon) operation(ctx context.Context, method, path string, data any) (string, error) {
	resp, err := d.call(ctx, callTime, method, path, data)
	if answered(err) {
		return "", refused{err}
	}
	if err != nil {
		return "", err
	}
	started, err := resp.MetadataAsOperation()
	if err != nil {
		return "", err
	}
	op, err := d.await(ctx, started.ID)
	if err == nil && op.Err != "" {
		err = errors.New(op.Err)
	}
	return started.ID, err
}

// await waits for the end of an operation, in slices: an operation vanishes 5 s after its
// end (facts E), so there is never a pause between two questions. The daemon answers a failed
// one with its error alone; what else is known of it has to be asked for.
func (d *Daemon) await(ctx context.Context, id string) (*api.Operation, error) {
	path := "/1.0/operations/" + escape(id)
	wait := fmt.Sprintf("%s/wait?timeout=%d", path, int(sliceTime.Seconds()))
	for {
		_, err := d.call(ctx, sliceTime+callTime, http.MethodGet, wait, nil)
		if err != nil && !answered(err) {
			return nil, err
		}
		var op api.Operation
		if err := d.get(ctx, path, &op); err != nil {
			return nil, err
		}
		if op.StatusCode.IsFinal() {
			return &op, nil
		}
	}
}
