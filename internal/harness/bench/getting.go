package bench

import (
	"context"
	"path"
	"slices"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/wal"
)

// getting has archive-get bring segments to a restored cluster in the way of the row, as the drill would. It returns
// what the server needs in its environment. One segment at a time is pgBackRest's own way.
func (h *byHand) getting(ctx context.Context) (env []string, err error) {
	asked := pgbackrest.GetAuto
	switch {
	case h.way.Async:
		asked = pgbackrest.GetOn
	case !h.way.Ahead:
		return nil, nil
	}
	own := &pgbackrest.Client{
		Host: h.box, Config: h.conf, Stanza: stanza, Repo: 1,
		Data: h.box.Dir("data"), Spool: h.box.Dir("spool"), Lock: h.box.Dir("lock"), Log: h.box.Dir("log"),
	}
	how := h.parsed.Getting(stanza, asked, "", wal.DefaultSegmentSize, cores())
	env = own.ReplayEnv(how)
	if how.Ahead == 0 {
		return env, nil
	}
	segments, err := archivedSegments(ctx, own)
	if err != nil {
		return nil, err
	}
	ahead, err := own.FetchAhead(ctx, how, segments)
	if err != nil {
		return nil, err
	}
	file := path.Join(own.Data, "postgresql.auto.conf")
	conf, err := h.box.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	line, err := postgres.TryFirst(string(conf), ahead.Command)
	if err != nil {
		return nil, err
	}
	return env, h.box.Put(ctx, file, append(conf, line...), 0o600, "")
}

// archivedSegments are the segments of the archive: all of it is on one timeline.
func archivedSegments(ctx context.Context, own *pgbackrest.Client) (segments []string, err error) {
	files, err := own.List(ctx, "archive/"+stanza)
	for _, file := range files {
		if name, _, _ := strings.Cut(path.Base(file.Path), "-"); wal.IsSegment(name) {
			segments = append(segments, name)
		}
	}
	slices.Sort(segments)
	return segments, err
}
