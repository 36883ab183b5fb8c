package drill

import (
	"context"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

// loss is how much would have been lost, and how that is known.
type loss struct {
	age   time.Duration
	basis string
	why   string // what else to say of a basis that is too old
}

// measureLoss measures the RPO by the heartbeat rows that came back; unread is why they could
// not be read.
func (r recovered) measureLoss(
	ctx context.Context, out suite.Out, rows *verify.Heartbeat, unread error,
) (loss, error) {
	if unread != nil {
		return loss{}, r.brokenSession(ctx, out, unread)
	}
	r.sayHeartbeat(out, rows)
	newest := verify.NewestMoment(rows, r.end.commit, r.plan.set.Stopped())
	out.Label(suite.RecoveredLabel, stamp(newest.At))
	if r.target.Kind != target.End {
		return loss{}, nil // what lies after a target is left out on purpose
	}
	if r.Past() { // what a disaster of now would cost is not known of it
		out.Note("newest moment that came back (%s): %s, %s before the moment of the repository", newest.Basis,
			stamp(newest.At), r.foundEnd().Sub(newest.At).Round(time.Second))
		return loss{}, r.lostOffline()
	}
	if r.plan.left() { // nothing was written to it since
		out.Note("newest moment that came back (%s): %s; set %s is of a cluster before a stanza-upgrade, and what a "+
			"disaster of now would cost is not known of it", newest.Basis, stamp(newest.At), r.plan.set.Label)
		return loss{}, r.lostOffline()
	}
	age, err := verify.RPO(r.foundEnd(), newest)
	if err != nil {
		return loss{}, err
	}
	out.Metric("rpo_seconds", age.Seconds(), "basis", newest.Basis)
	out.Say("newest moment that came back (%s): %s, %s before recovery found the end of the archive",
		newest.Basis, newest.At.UTC().Format(time.RFC3339Nano), age.Round(time.Millisecond))
	if text := newest.BasisNote(); text != "" {
		out.Note("%s", text)
	}
	if err = r.lostOffline(); err != nil {
		return loss{}, err
	}
	lost := loss{age: age, basis: newest.Basis}
	if rows != nil {
		if text := rows.WriterStopped(r.end.commit); text != "" {
			lost.why = "; " + text
		}
	}
	return lost, nil
}

// heartbeat finds the newest heartbeat rows, in whichever database they are. What looks like a
// heartbeat and is none, and what cannot be looked at, is said, wherever it is.
func (r recovered) heartbeat(ctx context.Context, out suite.Out) (*verify.Heartbeat, error) {
	server, first := r.cluster.server, r.Settings.Database
	names, err := verify.Databases(ctx, server.Connect)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == first })
	var all []verify.Heartbeat
	for _, name := range append([]string{first}, names...) {
		conn, err := server.ConnectReader(ctx, name)
		if verify.SessionEnded(err) { // it says nothing about the database
			return nil, err
		}
		if err != nil { // the checks say what is wrong with a database
			out.Note("database %s: no heartbeat was looked for: %s", name, pgbackrest.Printable(err.Error()))
			continue
		}
		list, why, err := verify.ReadHeartbeats(ctx, conn, r.plan.segmentSize)
		_ = conn.Close(ctx) // nothing was written
		if err != nil {
			return nil, err
		}
		for _, text := range why {
			out.Note("database %s: %s", name, text)
		}
		all = append(all, list...)
	}
	var limit time.Time
	if r.target.Kind == target.End { // with a target, what lies after it is what is looked for
		limit = r.foundEnd()
	}
	newest, notes := verify.NewestHeartbeat(all, limit)
	for _, text := range notes {
		out.Note("%s", text)
	}
	return newest, nil
}

// sayHeartbeat tells of gaps, and of a budget that cannot be kept. Neither is a failure: a row
// somebody deleted, or a writer that was down, is no fault of the backups, and what is
// lost at the end of the sequence is what the RPO judges.
func (r recovered) sayHeartbeat(out suite.Out, rows *verify.Heartbeat) {
	if rows == nil {
		return
	}
	if rows.Database != r.Settings.Database {
		out.Note("the heartbeat is in database %s, table %s", rows.Database, rows.Table)
	}
	out.Metric("heartbeat_missing", float64(rows.Missing))
	if len(rows.Gaps) > 0 {
		var list []string
		for _, gap := range rows.Gaps {
			list = append(list, gap.String())
		}
		out.Note("heartbeat %d to %d, one every %s: %d numbers are missing and %d pauses were long; %s", rows.First,
			rows.Last, rows.Interval.Round(10*time.Millisecond), rows.Missing, rows.Pauses,
			strings.Join(list, "; "))
	}
	if r.target.Kind != target.End {
		return
	}
	if timeout, err := r.cluster.server.ArchiveTimeout(); err != nil {
		out.Note("archive_timeout of the primary is not known: %s", pgbackrest.Printable(err.Error()))
	} else if text := rows.AgeByDesign(r.plan.chain, timeout, r.Settings.RPO); text != "" {
		out.Note("%s", text)
	}
}
