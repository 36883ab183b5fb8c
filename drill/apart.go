package drill

import (
	"context"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// setApart makes the recovered cluster ready to be asked: what the data holds of code must not
// reach out of the clone when a question runs it. The server goes on without a network, and
// the questions come from a role that may only read. Both come after what only the first
// session knows, and after the clock of the RTO has stopped.
func (r *recovered) setApart(ctx context.Context, out suite.Out) error {
	if err := r.leaveNetwork(ctx, out); err != nil {
		return err
	}
	if r.real != nil {
		if err := r.cluster.server.ReadLimits(ctx); err != nil {
			return r.brokenSession(ctx, out, err)
		}
		if err := r.real.lifting(r.cluster.server.Limits); err != nil {
			return err
		}
	}
	why, err := r.cluster.server.MakeReader(ctx, r.conn)
	if err != nil {
		return r.brokenSession(ctx, out, err)
	}
	if why != "" {
		out.Note("the checks run as superuser, and so do functions of the data that they call: "+
			"a role that may only read could not be made: %s", why)
	}
	return nil
}

// leaveNetwork starts the server again where no address can be reached, on a machine that
// shares this one's network. A server that does not come up there goes on as before, and the
// report says so. archive-get, which alone needs a network, is not needed any more.
func (r *recovered) leaveNetwork(ctx context.Context, out suite.Out) error {
	shared, able := r.box.(sandbox.Secluder)
	if !able { // it is cut off as a whole, or cannot be
		if _, isolated := r.box.(sandbox.Isolated); !isolated {
			r.onTheNetwork(out, nil)
		}
		return nil
	}
	apart, err := shared.WithoutNetwork(ctx)
	if err != nil {
		r.onTheNetwork(out, err)
		return nil
	}
	server, database, begun := r.cluster.server, r.conn.Config().Database, time.Now()
	_ = r.conn.Close(ctx) // the server is about to be stopped
	if err = server.StopCleanly(ctx); err != nil {
		return r.orFull(ctx, reason.Wrap(reason.SandboxFailed, err))
	}
	server.Host = apart
	if err = startAgain(ctx, server); err != nil && ctx.Err() == nil {
		r.onTheNetwork(out, err)
		server.Host = r.box
		err = startAgain(ctx, server)
	}
	if err == nil {
		r.conn, err = server.Connect(ctx, database)
		closeLater(out, r.conn)
	}
	if err != nil {
		return r.orFull(ctx, r.whyNotUp(ctx, out, err))
	}
	if server.Host == apart {
		out.Say("started again without a network, %.1f s", time.Since(begun).Seconds())
	}
	return nil
}

// orFull is disk_space where a server does not stop or start again on a disk without room for another segment. Its log
// lies there too, and may have no word of it.
func (r *recovered) orFull(ctx context.Context, err error) error {
	if why, _ := reason.Of(err); why != reason.SandboxFailed || ctx.Err() != nil {
		return err
	}
	if full := ranFull(ctx, r.cluster.server); full != nil {
		if why, _ := reason.Of(full); why == reason.DiskSpace {
			return full
		}
	}
	free, unknown := freeSpace(ctx, r.box)
	if unknown != nil || free >= int64(r.plan.segmentSize) {
		return err
	}
	return reason.Errorf(reason.DiskSpace, "the server does not go on: %s are free in %s: %s", megabytes(free),
		r.box.Dir("data"), pgbackrest.Printable(err.Error()))
}

// onTheNetwork says that the server still reaches what this machine reaches.
func (r *recovered) onTheNetwork(out suite.Out, why error) {
	cause := "this kind of sandbox has no way to"
	if why != nil {
		cause = pgbackrest.Printable(why.Error())
	}
	out.Note("the restored server was not cut off from this machine's network: a function of a superuser in the data "+
		"(SECURITY DEFINER) could connect elsewhere when a check runs it: %s", cause)
}
