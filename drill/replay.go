package drill

import (
	"context"
	"fmt"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// chooseProcesses decides how many processes restore and archive-get work with: as many as a real restore on a node
// with the same conf. The report says which, and what the sandbox has.
func (r *restored) chooseProcesses(ctx context.Context, out suite.Out) error {
	cores, err := r.cores(ctx)
	if err != nil {
		return err
	}
	conf, stanza := r.repo.Conf, r.Stanza()
	var why string
	r.processes, why = conf.Processes(stanza, "restore", cores)
	r.getters, _ = conf.Processes(stanza, "archive-get", cores)
	if r.processes == cores {
		out.Note("restore works with %d processes: %s", r.processes, why)
	} else {
		out.Note("restore works with %d processes: %s; the sandbox has %d cores", r.processes, why, cores)
	}
	return nil
}

// chooseGetting decides how archive-get brings the segments of the plan's chain to the server.
func (r *recovered) chooseGetting(ctx context.Context, out suite.Out) error {
	version, err := r.repo.Pgbackrest.Version(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	how := pgbackrest.ChooseGetting(r.Settings.GetAsync, version, len(r.plan.chain.Switches)).With(r.getters)
	r.cluster.server.Env = r.repo.Pgbackrest.ReplayEnv(how)
	if r.measured() {
		out.Note("%s", how)
	}
	return nil
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
