package realtest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prepared is a source that took up prepared transactions after its backup, and stopped with one that is open.
var prepared = sync.OnceValues(func() (*source, error) {
	s := newSource("prepared")
	return s, s.live("CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 10) i",
		[]step{
			statement("ALTER SYSTEM SET max_prepared_transactions = 20"), restart,
			statement("BEGIN; INSERT INTO users VALUES (0, 'x'); PREPARE TRANSACTION 'open'"), more, more,
		})
})

// restart has the settings of the source obeyed.
func restart(ctx context.Context, s *source) error {
	if _, err := command(ctx, s.bin+"/pg_ctl", "stop", "-w", "-m", "fast", "-D", s.data()); err != nil {
		return err
	}
	return start(ctx, s.bin, s.dir, s.data())
}

// What a standby must have of prepared transactions, by the WAL of the new timeline, is what production had.
func TestRestore_Prepared(t *testing.T) {
	takesLong(t)
	for name, c := range map[string]struct {
		from   func() (*source, error)
		wanted string
		raised bool
	}{
		"none": {plain, "0", false}, "raised after the backup": {prepared, "20", true},
	} {
		n := lost(t, c.from)
		o := n.restore()
		require.Equal(t, 0, o.Exit, o.Said)
		control := n.run(n.bin+"/pg_controldata", n.data)
		assert.Regexp(t, `max_prepared_xacts setting: +`+c.wanted+`\n`, control, "as recovery has written it")
		const line = "before it is started: max_prepared_transactions = 20"
		if !c.raised {
			assert.NotContains(t, o.Said, "max_prepared_transactions", name)
			continue
		}
		assert.Contains(t, o.Said, line, name)
		require.NoError(t, appendTo(filepath.Join(n.data, "postgresql.conf"), "max_prepared_transactions = 20\n"))
		n.start()
		assert.Equal(t, "open", n.sql("SELECT gid FROM pg_catalog.pg_prepared_xacts"))
		assert.Equal(t, fmt.Sprint(n.rows["end"]), n.sql("SELECT count(*) FROM users"))
	}
}
