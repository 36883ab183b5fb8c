package verify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wal"
)

const heartbeatTable = `CREATE TABLE public.veza_heartbeat (seq bigint PRIMARY KEY, beat_at timestamptz NOT NULL, ` +
	`lsn pg_lsn NOT NULL)`

// What is read of a heartbeat, from a real table: the newest row, the gaps, the pauses.
func TestReadHeartbeat(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := startCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	open := func() *pgx.Conn {
		conn, err := c.connect(ctx, "postgres")
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close(context.WithoutCancel(ctx)) }) //nolint:errcheck // the cluster ends with the test
		return conn
	}
	conn := open()
	exec := func(sql string) {
		_, err := conn.Exec(ctx, sql)
		require.NoError(t, err)
	}
	read := func() (*verify.Heartbeat, string) {
		list, why, err := verify.ReadHeartbeats(ctx, conn, 16<<20)
		require.NoError(t, err)
		newest, _ := verify.NewestHeartbeat(list, time.Time{})
		return newest, strings.Join(why, "; ")
	}
	h, why := read()
	assert.Nil(t, h)
	assert.Empty(t, why, "no table is no complaint")

	exec(`CREATE TABLE public.veza_heartbeat (seq bigint, beat_at timestamp, lsn pg_lsn)`)
	h, why = read()
	assert.Nil(t, h)
	assert.Contains(t, why, "no heartbeat")
	exec(`DROP TABLE public.veza_heartbeat; ` + heartbeatTable)
	h, why = read()
	assert.Nil(t, h)
	assert.Contains(t, why, "is empty")

	// One every 10 s: 1 to 100 without 41 to 43, and a pause of 31 s after 60.
	exec(
		`INSERT INTO public.veza_heartbeat SELECT i, '2026-11-25 12:00:00+00'::timestamptz + i * interval '10 s' +
				CASE WHEN i > 60 THEN interval '21 s' ELSE '0' END,
		'0/5000000'::pg_lsn + i * 262144 FROM generate_series(1, 100) i WHERE i NOT BETWEEN 41 AND 43`,
	)
	h, why = read()
	require.NotNil(t, h, why)
	assert.Equal(t, "postgres", h.Database)
	assert.Equal(t, []int64{97, 1, 100, 3, 1}, []int64{h.Count, h.First, h.Last, h.Missing, h.Pauses})
	assert.Equal(t, 10*time.Second, h.Interval)
	assert.Equal(t, time.Date(2026, 11, 25, 12, 17, 1, 0, time.UTC), h.NewestAt.UTC())
	assert.Equal(t, wal.LSN(0x5000000+100*262144), h.NewestLSN)
	require.Len(t, h.Gaps, 2)
	assert.Equal(t, "no heartbeat row for 31s, between 2026-11-25T12:10:00Z and 2026-11-25T12:10:31Z",
		h.Gaps[0].String())
	assert.Equal(t, "heartbeat rows 41 to 43 are missing, between 2026-11-25T12:06:40Z and 2026-11-25T12:07:20Z",
		h.Gaps[1].String())
	assert.Equal(t, time.Date(2026, 11, 25, 12, 10, 51, 0, time.UTC), h.LastInSegment[5].UTC(),
		"63 is the last below 0/6000000")
	assert.Len(t, h.LastInSegment, 2)

	// A row that is not whole does not count, nor does it end a gap.
	exec(`ALTER TABLE public.veza_heartbeat ALTER beat_at DROP NOT NULL, ALTER lsn DROP NOT NULL`)
	exec(`INSERT INTO public.veza_heartbeat VALUES (200, NULL, '0/1'), (201, '2026-11-25 13:00:00+00', NULL), ` +
		`(202, 'infinity', '0/1')`)
	again, why := read()
	assert.Equal(t, h, again, why)

	// Those of other schemas count as well; what may show rows of elsewhere, and what cannot be read, is named.
	exec(`CREATE SCHEMA "Mine"; CREATE TABLE "Mine".veza_heartbeat (LIKE public.veza_heartbeat);
		INSERT INTO "Mine".veza_heartbeat SELECT 7, '2026-11-25 13:30:00+00', '0/6000000'`)
	exec(`CREATE SCHEMA seen; CREATE VIEW seen.veza_heartbeat AS
		SELECT 9::bigint AS seq, now() AS beat_at, '0/0'::pg_lsn AS lsn`)
	exec(`CREATE SCHEMA unread; CREATE TABLE unread.veza_heartbeat (LIKE public.veza_heartbeat);
		ALTER TABLE unread.veza_heartbeat ENABLE ROW LEVEL SECURITY`)
	h, why = read()
	require.NotNil(t, h, why)
	assert.Equal(t, `"Mine".veza_heartbeat`, h.Table)
	assert.Contains(t, why, "seen.veza_heartbeat is no heartbeat: it is no table")
	assert.Contains(t, why, "unread.veza_heartbeat is empty")
	_, err := open().Exec(ctx, `BEGIN; LOCK TABLE "Mine".veza_heartbeat`)
	require.NoError(t, err)
	again, why = read()
	assert.Equal(t, "public.veza_heartbeat", again.Table)
	assert.Contains(t, why, `"Mine".veza_heartbeat cannot be read: canceling statement due to lock timeout`)

	// Damage of its files is no table that nobody can read.
	exec(`CREATE SCHEMA lost; CREATE TABLE lost.veza_heartbeat (LIKE public.veza_heartbeat);
		UPDATE pg_class SET relfilenode = 999999 WHERE oid = 'lost.veza_heartbeat'::regclass`)
	_, _, err = verify.ReadHeartbeats(ctx, open(), 16<<20)
	found, _ := reason.Of(err)
	assert.Equal(t, reason.PageChecksum, found, "%v", err)
	assert.ErrorContains(t, err, "lost.veza_heartbeat")
}

// The newest of all counts; one that has ended, or is of a moment to come, hides it from nobody.
func TestNewestHeartbeat(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	beat := func(database string, age time.Duration) verify.Heartbeat {
		return verify.Heartbeat{
			Database: database, Table: "public.veza_heartbeat", NewestAt: noon.Add(-age), Interval: 10 * time.Second,
		}
	}
	for name, c := range map[string]struct {
		list  []verify.Heartbeat
		limit time.Time
		want  string
		says  []string
	}{
		"none":      {nil, noon, "", nil},
		"two alive": {[]verify.Heartbeat{beat("a", 9*time.Second), beat("b", time.Second)}, noon, "b", nil},
		"an abandoned": {
			[]verify.Heartbeat{beat("a", 72*time.Hour), beat("b", time.Second)},
			noon, "b",
			[]string{"database a: the newest row of public.veza_heartbeat is of 2026-11-22T12:00:00Z"},
		},
		"one of the future": {
			[]verify.Heartbeat{beat("a", time.Second), beat("b", -time.Hour)}, noon, "a", []string{"database b"},
		},
		"the future alone": {[]verify.Heartbeat{beat("b", -time.Hour)}, noon, "b", nil},
		"no limit": {
			[]verify.Heartbeat{beat("a", time.Second), beat("b", -9*time.Second)}, time.Time{}, "b", nil,
		},
	} {
		newest, notes := verify.NewestHeartbeat(c.list, c.limit)
		if c.want == "" {
			assert.Nil(t, newest, name)
			continue
		}
		assert.Equal(t, c.want, newest.Database, name)
		require.Len(t, notes, len(c.says), name)
		for i, words := range c.says {
			assert.Contains(t, notes[i], words, name)
		}
	}
}

func TestRPO(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	heartbeat := &verify.Heartbeat{Last: 7, NewestAt: noon, Interval: 10 * time.Second, Database: "app"}
	commit := noon.Add(time.Minute)
	for name, c := range map[string]struct {
		heartbeat *verify.Heartbeat
		commit    *time.Time
		basis     string
		at        time.Time
		says      string
	}{
		"a heartbeat": {heartbeat, &commit, verify.BasisHeartbeat, noon, ""},
		"a commit":    {nil, &commit, verify.BasisLastCommit, commit, "reported, not judged"},
		"nothing":     {nil, nil, verify.BasisBackup, noon.Add(-time.Hour), "the end of the backup"},
	} {
		newest := verify.NewestMoment(c.heartbeat, c.commit, noon.Add(-time.Hour))
		assert.Equal(t, verify.Newest{At: c.at, Basis: c.basis}, newest, name)
		if c.says == "" {
			assert.Empty(t, newest.BasisNote(), name)
		} else {
			assert.Contains(t, newest.BasisNote(), c.says, name)
		}
	}
	for age, want := range map[time.Duration]time.Duration{time.Minute: time.Minute, 0: 0, -5 * time.Second: 0} {
		got, err := verify.RPO(noon.Add(age), verify.Newest{At: noon})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := verify.RPO(noon.Add(-5001*time.Millisecond), verify.Newest{At: noon, Basis: verify.BasisHeartbeat})
	require.ErrorContains(t, err, "the newest heartbeat is 5.001s ahead")
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ClockSkew, why)

	assert.Empty(t, heartbeat.WriterStopped(nil))
	late := noon.Add(30 * time.Second)
	assert.Empty(t, heartbeat.WriterStopped(&late))
	late = late.Add(time.Second)
	assert.Contains(t, heartbeat.WriterStopped(&late),
		"the newest heartbeat row is 7 of 2026-11-25T12:00:00Z, and commits go on to 2026-11-25T12:00:31Z")
}

func TestAgeByDesign(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	entry := func(number uint64, after time.Duration) wal.Entry {
		return wal.Entry{Segment: wal.Segment{Timeline: 1, Number: number}, Time: noon.Add(after)}
	}
	h := &verify.Heartbeat{Interval: 10 * time.Second, LastInSegment: map[uint64]time.Time{4: noon, 5: noon, 6: noon}}
	chain := wal.Chain{
		Entries: []wal.Entry{
			entry(3, time.Hour),
			entry(4, 9*time.Second),
			entry(5, 5*time.Second),
			entry(6, -time.Second),
		},
	}
	push, ok := h.PushTime(chain)
	assert.True(t, ok)
	assert.Equal(t, 5*time.Second, push, "the median of those with heartbeat rows")
	_, ok = h.PushTime(wal.Chain{Entries: chain.Entries[:1]})
	assert.False(t, ok)
	assert.Empty(t, h.AgeByDesign(chain, time.Minute, 75*time.Second))
	assert.Contains(t, h.AgeByDesign(chain, time.Minute, 74*time.Second),
		"a heartbeat row may be 1m15s old by design (archive_timeout 1m0s, an interval of 10s, 5s until")
	assert.Contains(t, h.AgeByDesign(chain, 0, time.Hour), "archive_timeout is 0")
}
