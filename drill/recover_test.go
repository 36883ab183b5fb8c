package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// recover starts PostgreSQL harmless, waits until it is out of recovery, and proves
// that recovery reached the end of the archive. The clock of the RTO stops with the
// first answered query.
func (d *drill) recover(ctx context.Context) error {
	if d.aimed.later.Kind != "" {
		if err := d.beforeFailover(ctx); err != nil {
			return err
		}
	}
	return d.recoverOnce(ctx)
}

func (d *drill) recoverOnce(ctx context.Context) error {
	if err := forgetLibpq(); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	control, err := postgres.ReadControl(ctx, d.box, d.server.Installation, d.server.Data)
	if err != nil {
		return err
	}
	d.controlData = control
	if want, got := d.info.SystemID(d.set), control.SystemID(); want != got {
		return reason.Errorf(reason.RepoCorrupt, "the restored files are of the cluster with system identifier %s, backup.info says %s", got, want)
	}
	if err := d.sameSegmentSize(ctx, control); err != nil {
		return err
	}
	if d.settings.Target.Kind != target.End {
		d.server.Target = "recovery_target_" + string(d.settings.Target.Kind)
	}
	if err := d.replay(ctx, control); err != nil {
		return err
	}
	d.answered = time.Now()
	return d.reachedTheEnd(ctx)
}

// forgetLibpq drops the PG... variables, which are for -primary alone: a PGSERVICE or
// PGTARGETSESSIONATTRS of the operator would keep the drill out of its own cluster.
func forgetLibpq() error {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PG") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameSegmentSize checks what preflight had to infer, now that pg_control is here.
func (d *drill) sameSegmentSize(ctx context.Context, control postgres.Control) error {
	size, err := control.SegmentSize()
	if err != nil {
		return reason.Wrap(reason.StartFailed, err)
	}
	if size == d.size {
		return nil
	}
	d.note("WAL segments have %d bytes, not %d as the backups' positions let believe: following the archive again", size, d.size)
	d.size = size
	return d.follow(ctx)
}

// replay starts the server, watches its log while it replays, and waits until the
// first query is answered.
func (d *drill) replay(ctx context.Context, control postgres.Control) (err error) {
	defer watch(ctx, d.sayReplayed)()
	ctx, stop := d.withStore(ctx)
	defer stop()
	if err = d.server.SealTablespaces(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	err = d.server.Start(ctx, control)
	for _, library := range d.server.LeftOut {
		d.note("left out of shared_preload_libraries, because it is not installed here or must not run: %s", library)
	}
	if err == nil {
		d.conn, err = d.server.Wait(ctx, d.linksInside)
	}
	if err != nil {
		return d.whyNotUp(ctx, err)
	}
	return nil
}

// sayReplayed prints how far a long replay has come.
func (d *drill) sayReplayed(ctx context.Context) {
	if log, err := d.server.ReadLog(ctx); err == nil {
		d.say("replayed %d of %d segments", log.Segments(), len(d.chain.Entries))
	}
}

// whyNotUp reads the log for the cause of a start that failed.
func (d *drill) whyNotUp(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if _, known := reason.Of(err); known {
		return err
	}
	if exit, ok := errors.AsType[*host.ExitError](err); !ok && !errors.Is(err, postgres.ErrDied) || ok && exit.Code > 128 {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	log, readErr := d.server.ReadLog(ctx)
	if errors.Is(readErr, fs.ErrNotExist) {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if readErr != nil {
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, readErr))
	}
	d.say("the end of the server log:\n%s", log.Tail())
	if wanted := d.settings.Target; wanted.Kind != target.End {
		failed, hint := log.StartError(), ""
		if why, _ := reason.Of(failed); why == reason.RecoveryIncomplete {
			hint = " (an older target needs an older -set)"
		}
		return fmt.Errorf("-target %s, from backup %s%s: %w", wanted, d.set.Label, hint, failed)
	}
	return log.StartError()
}

// linksInside makes sure, before the first query, that no tablespace leads out of the sandbox.
func (d *drill) linksInside(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	out, err := d.box.Run(ctx, host.Command{Argv: []string{"find", path.Join(d.server.Data, "pg_tblspc"), "-type", "l", "-printf", "%l\n"}})
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	for target := range strings.Lines(string(out.Stdout)) {
		target = strings.TrimSuffix(target, "\n")
		if !strings.HasPrefix(path.Clean(target), d.box.Dir("tblspc")+"/") {
			return reason.Errorf(reason.IsolationBreached, "a tablespace points out of the sandbox, to %s", target)
		}
	}
	return reason.Wrap(reason.SandboxFailed, d.server.UnsealTablespaces(ctx))
}

// reachedTheEnd takes what only the first session knows, and proves that nothing is missing.
func (d *drill) reachedTheEnd(ctx context.Context) error {
	var replayed string
	if err := d.conn.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn()::text, pg_last_xact_replay_timestamp()").Scan(&replayed, &d.commit); err != nil {
		return d.brokenSession(ctx, err)
	}
	var err error
	if d.log, err = d.server.ReadLog(ctx); err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if d.fork, err = d.endedOn(ctx); err != nil {
		return err
	}
	d.listed = d.archive // as it was before the sandbox could archive
	timeline := d.fork.From.Timeline
	d.replayed = lsn(replayed)
	d.metric("wal_segments_replayed", float64(d.log.Segments()))
	d.note("timeline %d replayed up to %s, %d segments in %.1f s", timeline, replayed, d.log.Segments(), d.log.RedoDone.Sub(d.log.RedoStart).Seconds())
	chain, err := d.expected(ctx, timeline)
	if err != nil {
		return err
	}
	recovery := verify.Recovery{
		Chain: chain, SegmentSize: d.size, Target: d.settings.Target, Replayed: d.replayed, Timeline: timeline, Log: d.log,
	}
	return recovery.Complete()
}

// endedOn is where recovery ended: the timeline PostgreSQL chose for itself, and the last
// ancestor in its history.
func (d *drill) endedOn(ctx context.Context) (fork wal.Fork, err error) {
	name := path.Join(d.server.Data, "pg_wal", wal.HistoryName(d.log.Timeline))
	content, err := d.box.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fork, reason.Errorf(reason.RecoveryIncomplete, "the server log names no new timeline: %w", err)
	}
	if err != nil {
		return fork, reason.Wrap(reason.SandboxFailed, err)
	}
	history, err := wal.ParseHistory(string(content))
	if err != nil {
		return fork, reason.Errorf(reason.RecoveryIncomplete, "%s: %w", name, err)
	}
	return wal.Fork{Timeline: d.log.Timeline, From: history[len(history)-1]}, nil
}

// brokenSession tells a server that died, was hurt, or could not be reached from a query
// that failed.
func (d *drill) brokenSession(ctx context.Context, err error) error {
	alive, statusErr := d.server.Running(ctx)
	if statusErr != nil { // a machine that cannot tell is no witness against the backup
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, statusErr))
	}
	if !alive {
		return d.whyNotUp(ctx, postgres.ErrDied)
	}
	log, readErr := d.lastWords(ctx, err)
	switch {
	case readErr != nil:
		return reason.Wrap(reason.SandboxFailed, errors.Join(err, readErr))
	case log.Killed != "":
		return reason.Errorf(reason.SandboxFailed, "%s: by somebody here, or out of memory: %w", log.Killed, err)
	case hungUp(err) && log.Crashed == "":
		return reason.Wrap(reason.SandboxFailed, fmt.Errorf("the connection broke, and the server is well: %w", err))
	}
	return reason.Wrap(reason.SmokeQuery, fmt.Errorf("query on the restored cluster: %w", err))
}

// hungUp says whether a session ended, or did not come about, without a word of the server's.
func hungUp(err error) bool {
	if _, answered := errors.AsType[*pgconn.PgError](err); answered {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	return network || refused || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// lastWordsTime is how long the postmaster may take to write down why a session broke.
const lastWordsTime = 3 * time.Second

// lastWords reads the server log after a session broke. The session is told first: where
// it broke without a word, or with the word of a crash, the log is waited for.
func (d *drill) lastWords(ctx context.Context, err error) (log postgres.Log, readErr error) {
	ctx, cancel := context.WithTimeout(ctx, lastWordsTime)
	defer cancel()
	said, answered := errors.AsType[*pgconn.PgError](err)
	expected := hungUp(err) || answered && strings.HasPrefix(said.Code, "57P")                   // shut down, crashed, starting up
	_ = wait.For(ctx, "the last words of the server", progress/10, func(context.Context) error { // there may be none
		var now postgres.Log
		bound, done := context.WithTimeout(context.WithoutCancel(ctx), toolTimeout)
		defer done()
		if now, readErr = d.server.ReadLog(bound); readErr != nil {
			return nil
		}
		log = now
		if expected && log.Killed+log.Crashed == "" {
			return errors.New("nothing yet")
		}
		return nil
	})
	return log, readErr
}
