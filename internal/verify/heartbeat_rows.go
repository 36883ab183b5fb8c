package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// heartbeatName is the name of the table that holds the rows which the heartbeat writes on the
// primary, one every few seconds. It is in any schema, by default in public.
const (
	heartbeatName  = "veza_heartbeat"
	heartbeatTable = "public." + heartbeatName
)

// Heartbeat is what came back of the heartbeat rows written on the primary.
type Heartbeat struct {
	Database, Table    string // the table with its schema, quoted
	Count, First, Last int64
	NewestAt           time.Time
	NewestLSN          wal.LSN
	Interval           time.Duration // the median between two neighbouring rows
	Gaps               []Gap         // where numbers are missing, or a pause was long; the newest ones
	Missing            int64         // numbers between the oldest and the newest
	Pauses             int64         // of more than pauseFactor intervals between neighbours whose numbers have no gap
	// LastInSegment is the moment of the newest row in each of the newest segments, by the
	// segment's number.
	LastInSegment map[uint64]time.Time
}

// Gap lies between two heartbeat rows that came back.
type Gap struct {
	After, Before     int64 // their numbers
	AfterAt, BeforeAt time.Time
}

func (g Gap) String() string {
	span := fmt.Sprintf("between %s and %s", g.AfterAt.UTC().Format(time.RFC3339),
		g.BeforeAt.UTC().Format(time.RFC3339))
	if g.Before == g.After+1 {
		return fmt.Sprintf("no heartbeat row for %s, %s", g.BeforeAt.Sub(g.AfterAt).Round(time.Second), span)
	}
	return fmt.Sprintf("heartbeat rows %d to %d are missing, %s", g.After+1, g.Before-1, span)
}

const (
	newestRows  = 200_000 // that are looked at: more than three weeks of one every 10 s
	shownGaps   = 3
	pauseFactor = 3
)

// tablesQuery lists what has the name of a heartbeat: whether it is a table, and whether it has the
// columns of a heartbeat. A view or foreign table may show rows of elsewhere.
const tablesQuery = `SELECT format('%I.%I', n.nspname, c.relname), c.relkind IN ('r', 'p'),
	(SELECT count(*) = 3 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
	AND (a.attname, a.atttypid) IN (('seq', 'int8'::regtype), ('beat_at', 'timestamptz'::regtype),
		('lsn', 'pg_lsn'::regtype)))
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relname = '` + heartbeatName + `' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
		AND c.relpersistence <> 't'
	ORDER BY n.nspname <> 'public', 1`

// newestQuery gives the newest whole rows, as beats, and as steps what lies between two
// neighbours. The queries below go on from it.
func (h *Heartbeat) newestQuery() string {
	return fmt.Sprintf(`WITH beats AS (SELECT seq, beat_at, lsn FROM %s
		WHERE seq IS NOT NULL AND isfinite(beat_at) AND lsn IS NOT NULL ORDER BY seq DESC LIMIT %d),
	steps AS (SELECT seq, beat_at, lag(seq) OVER w AS seq_before, lag(beat_at) OVER w AS at_before FROM beats
		WINDOW w AS (ORDER BY seq))`, h.Table, newestRows)
}

const summaryQuery = `,
	usual AS (SELECT greatest(coalesce(
			percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM beat_at - at_before)), 0), 0)::float8
			AS seconds
		FROM steps WHERE at_before IS NOT NULL)
	SELECT (SELECT count(*) FROM beats), (SELECT coalesce(min(seq), 0) FROM beats),
	(SELECT coalesce(max(seq), 0) FROM beats),
	(SELECT beat_at FROM beats ORDER BY seq DESC LIMIT 1),
	coalesce((SELECT lsn FROM beats ORDER BY seq DESC LIMIT 1), '0/0')::text, (SELECT seconds FROM usual),
	(SELECT coalesce(sum(seq - seq_before - 1), 0)::bigint FROM steps),
	(SELECT count(*) FROM steps, usual
		WHERE seq = seq_before + 1 AND extract(epoch FROM beat_at - at_before) > %d * seconds AND seconds > 0)`

const gapsQuery = `
	SELECT seq_before, seq, at_before, beat_at FROM steps
	WHERE seq > seq_before + 1 OR extract(epoch FROM beat_at - at_before) > %f AND %f > 0 ORDER BY seq DESC LIMIT %d`

const lastInSegmentQuery = `
	SELECT floor((lsn - '0/0') / %d)::bigint, max(beat_at)
	FROM (SELECT lsn, beat_at FROM beats ORDER BY seq DESC LIMIT 5000) b
	GROUP BY 1 ORDER BY 1 DESC LIMIT 20`

// ReadHeartbeats reads what came back of the heartbeats in a database, in whichever schema; why says
// what is wrong with each table that has their name and cannot be read as one.
func ReadHeartbeats(
	ctx context.Context, conn *pgx.Conn, segmentSize uint64,
) (list []Heartbeat, why []string, err error) {
	if _, err = conn.Exec(ctx, ownNames+"; SET lock_timeout = '2s'"); err != nil {
		return nil, nil, err
	}
	rows, err := conn.Query(ctx, tablesQuery, pgx.QueryExecModeExec)
	if err != nil {
		return nil, nil, err
	}
	type candidate struct {
		Table           string
		IsTable, IsOurs bool
	}
	candidates, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	for _, c := range candidates {
		switch {
		case !c.IsTable:
			why = append(why, c.Table+" is no heartbeat: it is no table, and may show rows of elsewhere")
			continue
		case !c.IsOurs:
			why = append(why, c.Table+" is no heartbeat: its columns are not seq bigint, "+
				"beat_at timestamptz, lsn pg_lsn")
			continue
		}
		h := Heartbeat{Database: conn.Config().Database, Table: c.Table}
		unread, failed := h.readOrSay(ctx, conn, segmentSize)
		switch {
		case failed != nil:
			return nil, why, failed
		case unread != "":
			why = append(why, unread)
		default:
			list = append(list, h)
		}
	}
	return list, why, err
}

// readOrSay reads one table, or says why it cannot be read.
func (h *Heartbeat) readOrSay(ctx context.Context, conn *pgx.Conn, segmentSize uint64) (why string, err error) {
	err = WithCodeReason(h.read(ctx, conn, segmentSize))
	if _, known := reason.Of(err); known { // damage of its pages, or what this machine lacks
		return "", fmt.Errorf("%s: %w", h.Table, err)
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && !stoppedFromOutside(answer) {
		return fmt.Sprintf("%s cannot be read: %s (SQLSTATE %s)", h.Table, excerpt(answer.Message), answer.Code), nil
	}
	if err == nil && h.Count == 0 {
		return h.Table + " is empty: nobody writes any", nil
	}
	return "", err
}

func (h *Heartbeat) read(ctx context.Context, conn *pgx.Conn, segmentSize uint64) error {
	var newest *time.Time
	var place string
	var seconds float64
	err := conn.QueryRow(ctx, h.newestQuery()+fmt.Sprintf(summaryQuery, pauseFactor)).
		Scan(&h.Count, &h.First, &h.Last, &newest, &place, &seconds, &h.Missing, &h.Pauses)
	if err != nil || newest == nil {
		return err
	}
	h.NewestAt, h.Interval = *newest, time.Duration(seconds*float64(time.Second))
	if h.NewestLSN, err = wal.ParseLSN(place); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, h.newestQuery()+fmt.Sprintf(gapsQuery, pauseFactor*seconds, seconds, shownGaps))
	if err != nil {
		return err
	}
	if h.Gaps, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Gap]); err != nil {
		return err
	}
	return h.readLastInSegments(ctx, conn, segmentSize)
}

func (h *Heartbeat) readLastInSegments(ctx context.Context, conn *pgx.Conn, segmentSize uint64) error {
	rows, err := conn.Query(ctx, h.newestQuery()+fmt.Sprintf(lastInSegmentQuery, segmentSize))
	if err != nil {
		return err
	}
	h.LastInSegment = map[uint64]time.Time{}
	var number int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&number, &at},
		func() error { h.LastInSegment[uint64(number)] = at; return nil })
	return err
}
