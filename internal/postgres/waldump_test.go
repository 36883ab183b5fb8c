package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/wal"
)

// The last end of a transaction and the moment a timeline began are read from what pg_waldump prints.
func TestMoments(t *testing.T) {
	var m Moments
	m.take("pg_waldump: fatal: could not find a valid record after 0/4000000\n")
	assert.False(t, m.Readable)
	m.take("rmgr: Transaction len (rec/tot):     34/    34, tx:        740, lsn: 0/05000148, prev 0/05000110, " +
		"desc: COMMIT 2026-11-29 03:10:01.123456 UTC\n" +
		"rmgr: Transaction len (rec/tot):     34/    34, tx:        741, lsn: 0/05000178, prev 0/05000148, " +
		"desc: COMMIT_PREPARED gid: x; 2026-11-29 03:09:01.5 UTC; inval msgs: catcache 1\n" +
		"rmgr: Transaction len (rec/tot):     34/    34, tx:        742, lsn: 0/050001A8, prev 0/05000178, " +
		"desc: ABORT 2026-11-29 03:10:00.5 UTC\n" +
		"pg_waldump: error: error in WAL record at 0/50001A0: invalid record length\n")
	m.take("rmgr: XLOG        len (rec/tot):     42/    42, tx:          0, lsn: 0/04000028, prev 0/03000110, " +
		"desc: END_OF_RECOVERY tli 2; prev tli 1; time 2026-11-29 03:11:00.250000 UTC\n")
	assert.True(t, m.Readable)
	assert.Equal(t, time.Date(2026, 11, 29, 3, 10, 1, 123456000, time.UTC), m.Commit)
	assert.Equal(t, []wal.LSN{0x5000148, 0x5000178}, m.Commits, "an abort is no commit")
	assert.Equal(t, time.Date(2026, 11, 29, 3, 11, 0, 250000000, time.UTC), m.Began)
}
