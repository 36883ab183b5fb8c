package drill

import (
	"context"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// wholeArchive lists the archive, proves that it is whole from the backup's start
// on, and remembers its last segment: recovery must get there.
func (d *drill) wholeArchive(ctx context.Context) error {
	d.size = pgbackrest.SegmentSize(pgbackrest.OfSame(d.backups, d.set))
	if err := d.askPrimary(ctx); err != nil {
		return err
	}
	if err := d.follow(ctx); err != nil {
		return err
	}
	last := d.chain.Last()
	d.note("archive whole over %s: %d segments, the last is %s", d.chain.Route(), len(d.chain.Entries), last.Name)
	for _, text := range d.chain.Notes {
		d.note("%s", text)
	}
	if err := d.primaryAgrees(last); err != nil {
		return err
	}
	return d.targetInWindow(last)
}

// follow lists the archive and walks it.
func (d *drill) follow(ctx context.Context) error {
	start, err := repository.Start(d.set, d.size)
	if err != nil {
		return err
	}
	d.archive, d.chain, err = d.repo.Follow(ctx, d.repo.Directory(d.info, d.set), start, d.size)
	return err
}

// lsn reads a position that was checked before; what is none is 0.
func lsn(text string) wal.LSN { position, _ := wal.ParseLSN(text); return position }

// askPrimary asks production, before the archive is listed, what it has archived.
func (d *drill) askPrimary(ctx context.Context) error {
	if d.settings.Primary == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := postgres.Primary(ctx, d.settings.Primary)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	var archived *string
	if err := conn.QueryRow(ctx, "SELECT last_archived_wal FROM pg_stat_archiver").Scan(&archived); err != nil {
		return reason.Errorf(reason.ConfigInvalid, "-primary: cannot read pg_stat_archiver; its role needs pg_monitor: %w", err)
	}
	if archived != nil {
		d.primary = *archived
	}
	if !wal.IsSegment(d.primary) { // nothing since its statistics began, or a history or backup file
		d.note("warning: -primary names no segment as its last archived file (%q): the end of the archive is not compared with it", d.primary)
	}
	return nil
}

// primaryAgrees finds segments that are missing at the very end, which the listing alone cannot.
func (d *drill) primaryAgrees(last wal.Entry) error {
	if !wal.IsSegment(d.primary) { // not asked, or its last file was a history file
		return nil
	}
	archived, err := wal.ParseSegment(d.primary, d.size)
	if err != nil {
		return reason.Errorf(reason.ConfigInvalid, "-primary: it archived %q: is it the primary of this stanza? %w", d.primary, err)
	}
	if archived.Timeline > last.Timeline || archived.Number > last.Number {
		return reason.Errorf(reason.WALMissing, "the primary says it archived %s, but the archive ends at %s", d.primary, last.Name)
	}
	return nil
}

// targetInWindow refuses a target behind everything that is archived.
func (d *drill) targetInWindow(last wal.Entry) error {
	beyond := false
	switch wanted := d.settings.Target; wanted.Kind {
	case target.Time:
		beyond = wanted.Time.After(last.Time.Add(5 * time.Second))
	case target.LSN:
		beyond = lsn(wanted.LSN) >= wal.Segment{Number: last.Number + 1}.Start(d.size)
	}
	if beyond {
		return reason.Errorf(reason.ConfigInvalid, "-target %s lies behind the end of the archive (%s, archived %s): outside the recovery window",
			d.settings.Target, last.Name, last.Time.UTC().Format(time.RFC3339))
	}
	return nil
}

// space compares what the backup needs with what is free.
func (d *drill) space(ctx context.Context) error {
	if !d.env.Local {
		return nil
	}
	return d.enough(ctx, d.control)
}

// walRoom is how many replayed segments may lie on the disk beside the data at once.
const walRoom = 8

// need is how many bytes a restore of the set and its replay take.
func (d *drill) need() int64 {
	return d.set.Info.Size + int64(min(len(d.chain.Entries), walRoom))*int64(d.size)
}

func (d *drill) enough(ctx context.Context, on sandbox.Sandbox) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	out, err := on.Run(ctx, host.Command{Argv: []string{"df", "-B1", "--output=avail", on.Dir("data")}})
	if err != nil {
		return err
	}
	fields := strings.Fields(string(out.Stdout))
	free, err := strconv.ParseInt(fields[len(fields)-1], 10, 64)
	if err != nil {
		return reason.Errorf(reason.SandboxFailed, "df says %q", out.Stdout)
	}
	need := d.need()
	if free < need {
		return reason.Errorf(reason.DiskSpace, "the restore needs %s in %s, and %s are free: free some, or point TMPDIR elsewhere",
			bytes(need), on.Dir("data"), bytes(free))
	}
	return nil
}
