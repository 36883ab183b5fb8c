package drill

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// archivedAgo is an archive whose segments, from the second on, were archived so long ago.
func archivedAgo(now time.Time, ago ...time.Duration) (p plan) {
	p.segmentSize = wal.DefaultSegmentSize
	for i, age := range ago {
		s := wal.Segment{Timeline: 1, Number: uint64(i + 2)}
		p.chain.Entries = append(p.chain.Entries, wal.Entry{
			Segment: s, Name: s.Name(p.segmentSize), Time: now.Add(-age),
		})
	}
	return p
}

// A standby is behind where the archive has had for long what it has not replayed, whatever it receives. Where nothing
// was archived since, as of a quiet production, it is not.
func TestNotReplayed(t *testing.T) {
	const size, most = wal.DefaultSegmentSize, 5 * time.Minute
	p := archivedAgo(noon, 3*time.Hour, 2*time.Hour, time.Hour, time.Minute)
	for name, c := range map[string]struct {
		at   wal.LSN
		most time.Duration
		want string
	}{
		"hours":               {2*size + 100, most, "000000010000000000000003, which was archived 2h0m0s ago"},
		"where the next ends": {3 * size, most, "000000010000000000000003, which was archived 2h0m0s ago"},
		"the next one":        {3*size + 100, most, "000000010000000000000004, which was archived 1h0m0s ago"},
		"a minute":            {4*size + 100, most, ""},
		"all of it":           {6 * size, most, ""},
		"beyond":              {6*size + 100, most, ""},
		"no bound":            {2*size + 100, 0, ""},
		"nothing at all":      {0, most, "000000010000000000000002, which was archived 3h0m0s ago"},
	} {
		said := p.notReplayed(c.at, c.most, noon)
		assert.Equal(t, c.want == "", said == "", "%s: %s", name, said)
		assert.Contains(t, said, c.want, name)
	}
}

// A standby that has replayed all it received is not compared with where the archive has had more for long.
func TestFreezeFirst_BehindTheArchive(t *testing.T) {
	s, primary := seededHere(t)
	require.NoError(t, s.Follow(t.Context()))
	config, err := s.Standby()
	require.NoError(t, err)
	var at string
	require.NoError(t, primary.QueryRow(t.Context(), "SELECT pg_current_wal_lsn()").Scan(&at))
	written, err := wal.ParseLSN(at)
	require.NoError(t, err)
	segment := uint64(written-1) / wal.DefaultSegmentSize
	_, err = primary.Exec(t.Context(), "CREATE TABLE late ()")
	require.NoError(t, err)
	beside, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = beside.Close(context.Background()) })
	require.NoError(t, wait.For(t.Context(), "a transaction", lookEvery, func(ctx context.Context) error {
		return beside.QueryRow(ctx, "SELECT 1 / (pg_last_xact_replay_timestamp() IS NOT NULL)::int").Scan(new(int))
	}))
	opened, err := standby.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { opened.Close(t.Context()) })

	freeze := func(beyond uint64) (c *comparison, heard *recorder) {
		t.Helper()
		r := on(nil, pgbackrest.Backup{}).ready
		name := wal.Segment{Timeline: 1, Number: segment + beyond}
		r.plan.set.Archive.Start = name.Name(wal.DefaultSegmentSize)
		r.plan.set.Archive.Stop = r.plan.set.Archive.Start
		r.plan.segmentSize, r.Settings.CompareLag = wal.DefaultSegmentSize, time.Minute
		r.plan.chain = wal.Chain{Target: 1, Entries: []wal.Entry{{
			Segment: name, Name: r.plan.set.Archive.Start, Time: time.Now().Add(-time.Hour),
		}}}
		c, heard = &comparison{standby: opened}, &recorder{}
		require.NoError(t, c.freezeFirst(t.Context(), suite.NewOut(heard), r))
		return c, heard
	}
	c, heard := freeze(0)
	assert.NotZero(t, c.frozen.At, "what was archived is replayed")
	assert.Empty(t, c.left)
	assert.Regexp(t, `as it was at \S+ \(last transaction \d+s ago\): its replay stood still`, heard.String())
	c, _ = freeze(2)
	assert.Zero(t, c.frozen.At)
	assert.Regexp(t, `has not replayed \w+, which was archived 1h0m\d+s ago; -compare-lag is 1m0s`, c.left)
}

// Where the clone was asked at the end of an archive that does not come to the standby's position, a sequence may have
// gone on between them without any transaction that ended: that is no difference. One that the clone cannot read is.
func TestAgainst_AtTheEndOfTheArchive(t *testing.T) {
	counter, torn := compare.ID{Database: "app", OID: 30000}, compare.ID{Database: "app", OID: 30001}
	side := func(at int64, unread string) compare.Side {
		s := compare.NewSide()
		s.Databases = []string{"app"}
		s.Sequences[counter] = compare.Sequence{Name: "public.counter", Last: at, Every: 1, Called: true}
		s.Sequences[torn] = compare.Sequence{Name: "public.torn", Last: 5, Every: 1, Unread: unread}
		return s
	}
	for at, c := range map[wal.LSN]struct{ differ, left int }{0x6000000: {1, 1}, 0x6000100: {2, 0}} {
		compared := &comparison{at: at, frozen: standby.Frozen{At: 0x6000100, Side: side(65, "")}}
		found := compared.against(side(33, "XX001"))
		assert.Len(t, found.Differences, c.differ, "%s: %v", at, found.Differences)
		assert.Len(t, found.LeftOut, c.left, "%s: %v", at, found.LeftOut)
		assert.Contains(t, found.Differences[c.differ-1].String(), "public.torn", at)
		same := (&comparison{at: at, frozen: standby.Frozen{At: 0x6000100, Side: side(65, "")}}).against(side(65, ""))
		assert.Equal(t, 2, same.Relations, "%s: what is equal is equal there as well", at)
		assert.Empty(t, same.LeftOut)
	}
}

// The archive is waited for as long as archive_timeout says, but for what the run needs for the rest of it.
func TestArchivedWithin(t *testing.T) {
	r := restored{started: time.Now()}
	r.Settings.RTO, r.Settings.CompareBudget = 30*time.Minute, 30*time.Minute
	within := func(ctx context.Context, switches time.Duration) time.Duration {
		return r.archivedWithin(ctx, switches).Round(time.Minute)
	}
	assert.Equal(t, archivedTime, within(t.Context(), 0), "nobody says when it comes")
	assert.Equal(t, time.Minute+archivedLate, r.archivedWithin(t.Context(), time.Minute))
	assert.Equal(t, 10*time.Minute+archivedLate, r.archivedWithin(t.Context(), 10*time.Minute))
	run, cancel := context.WithTimeout(t.Context(), 105*time.Minute) // as testprom gives it
	defer cancel()
	assert.Equal(t, 10*time.Minute+archivedLate, r.archivedWithin(run, 10*time.Minute))
	assert.Equal(t, time.Hour, within(run, 2*time.Hour), "45 minutes are for the rest")
	short, done := context.WithTimeout(t.Context(), 10*time.Minute)
	defer done()
	assert.Equal(t, archivedTime, within(short, time.Hour), "as where nobody says it")
	assert.Equal(t, time.Minute+archivedLate, r.archivedWithin(short, time.Minute))
}
