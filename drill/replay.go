package drill

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// chooseProcesses decides how many processes restore works with: as many as a real one on a node with the same conf.
// The report says which, and what the sandbox has.
func (r *restored) chooseProcesses(ctx context.Context, out suite.Out) (err error) {
	if r.nproc, err = r.cores(ctx); err != nil {
		return err
	}
	of := nodeOf(r.Settings)
	r.processes = r.repo.Conf.Processes(r.Stanza(), "restore", of.most(r.nproc))
	out.Note("restore works with %s; the sandbox has %d cores%s", r.processes, r.nproc, of.beside(r.nproc))
	return nil
}

// chooseGetting decides how archive-get brings the segments of the plan's chain to the server.
func (r *recovered) chooseGetting(ctx context.Context, out suite.Out) error {
	err := r.getting(ctx)
	if err == nil && r.measured() && r.ahead.Command == "" {
		out.Note("%s", r.how)
	}
	return err
}

// tellGetting says how segments were brought, once the replay is over: that they were to be fetched ahead is no word on
// whether they were.
func (r *recovered) tellGetting(ctx context.Context, out suite.Out) {
	if r.ahead.Command == "" || !r.measured() {
		return
	}
	if fetched, failed, err := r.repo.Pgbackrest.Fetched(ctx, r.ahead); err == nil { // the run does not hang on it
		out.Note("%s", r.how.Fetched(fetched, failed))
	}
}

// getting has the server's archive-get bring segments in the way that the conf and the chain allow. A server that was
// held goes on with what it has.
func (r *recovered) getting(ctx context.Context) error {
	if r.before != nil {
		r.how, r.ahead = r.before.how, r.before.ahead
		return nil
	}
	version, err := r.repo.Pgbackrest.Version(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	r.how = r.repo.Conf.Getting(r.Stanza(), r.Settings.GetAsync, version, r.plan.segmentSize,
		nodeOf(r.Settings).most(r.nproc))
	r.cluster.server.Env = r.repo.Pgbackrest.ReplayEnv(r.how)
	segments := make([]string, 0, len(r.plan.chain.Entries))
	for _, entry := range r.plan.chain.Entries {
		segments = append(segments, entry.Name)
	}
	r.ahead, err = r.repo.Pgbackrest.FetchAhead(ctx, r.how, segments)
	r.cluster.server.FetchFirst = r.ahead.Command
	return reason.Wrap(reason.SandboxFailed, err)
}

// replayRate says how fast a replay was.
func replayRate(log postgres.Log, segmentSize uint64) string {
	segments, took := log.Segments(), log.RedoDone.Sub(log.RedoStart).Seconds()
	said := fmt.Sprintf("%d segments in %.1f s", segments, took)
	if segments == 0 || took <= 0 {
		return said
	}
	return fmt.Sprintf("%s, %s/s", said, megabytes(int64(float64(segments)*float64(segmentSize)/took)))
}
