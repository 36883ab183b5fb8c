package drill

import (
	"context"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// tellDifferences says where what is proved here is not the restore it stands for: what of the
// restored configuration was not obeyed, or is not there.
func (r *recovered) tellDifferences(out suite.Out) {
	if !r.measured() {
		return
	}
	server := r.cluster.server
	for _, library := range server.LeftOut {
		out.Note("left out of shared_preload_libraries, because it is not installed here or must not run: %s", library)
	}
	for _, refused := range server.Refusals {
		out.Note("%s", refused)
	}
	if server.Lowered != "" {
		out.Note("%s", server.Lowered)
	}
	for _, difference := range server.Differences() {
		out.Note("%s", difference)
	}
}

// tellTooLow says which restored settings a hot standby would not have replayed this WAL with.
func (r *recovered) tellTooLow(ctx context.Context, out suite.Out) error {
	if !r.measured() {
		return nil
	}
	low, err := r.cluster.server.TooLow(ctx)
	for _, difference := range low {
		out.Note("%s", difference)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}

// measured says whether of two recoveries this is the one that counts, and that tells.
func (r *recovered) measured() bool {
	second := r.plan.aim.second
	return second.Kind == target.End || r.target == second
}
