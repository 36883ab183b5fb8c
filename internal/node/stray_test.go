package node

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// What pgBackRest's delta would remove is refused where neither the backup nor PostgreSQL has put it there.
func TestTargets_RefuseStrays(t *testing.T) {
	known := KnownOf(pgbackrest.Manifest{
		Files: []pgbackrest.ManifestFile{
			{Name: "pg_data/PG_VERSION"},
			{Name: "pg_data/base/1/112"},
			{Name: "pg_data/global/pg_control"},
			{Name: "pg_data/notes/ours.txt"},
			{Name: "pg_tblspc/16384/PG_15_202209061/5/16385"},
		},
		Paths: []string{
			"pg_data", "pg_data/base", "pg_data/base/1", "pg_data/global", "pg_data/notes", "pg_data/pg_wal",
			"pg_data/pg_tblspc", "pg_tblspc/16384", "pg_tblspc/16384/PG_15_202209061",
			"pg_tblspc/16384/PG_15_202209061/5",
		},
	})
	const ts = "ts/PG_15_202209061/"
	const ( // when it may lie there
		ever    = "ever"
		started = "once a server was started"
		never   = "never"
	)
	for path, may := range map[string]string{
		"pg/PG_VERSION":                       ever,
		"pg/notes/ours.txt":                   ever,
		"pg/base/1/112":                       ever,
		"pg/base/1/112.pgbackrest.tmp":        ever,
		"pg/global/pg_control.pgbackrest.tmp": ever,
		"pg/backup.manifest":                  ever,
		"pg/backup.manifest.pgbackrest.tmp":   ever,
		"pg/recovery.signal":                  ever,
		"pg/postgresql.auto.conf":             ever,
		"pg/.postgresql.auto.conf4711":        ever, // of ours, killed before the rename
		"pg/.backup.manifest4711":             ever,
		"pg/.backup.manifest.mine":            never,
		"pg/base/.postgresql.auto.conf4711":   never,
		ts + "5/16385":                        ever,
		"ts/NOTES.txt":                        ever, // delta does not look there
		"ts/PG_14_202107181/5/1":              ever,
		"pg/postmaster.opts":                  started,
		"pg/base/16400/":                      started,
		"pg/base/1/16401_fsm":                 started,
		"pg/base/1/16401.12":                  started,
		"pg/base/1/pg_internal.init.4711":     started,
		"pg/base/pgsql_tmp/pgsql_tmp1.0":      started,
		"pg/global/1262":                      started,
		"pg/pg_xact/0000":                     started,
		"pg/pg_wal/000000010000000000000003":  started,
		"pg/pg_wal/00000002.history":          started,
		"pg/pg_wal/RECOVERYXLOG":              started,
		"pg/pg_wal/archive_status/0.done":     started,
		"pg/pg_tblspc/16500":                  started,
		"pg/pg_replslot/a/state":              started,
		"pg/backup_label.old":                 started,
		ts + "99999/1":                        started,
		ts + "5/t3_16386":                     started,
		"pg/NOTES.txt":                        never,
		"pg/keep/y":                           never,
		"pg/keep.pgbackrest.tmp":              never,
		"pg/notes/theirs.txt":                 never,
		"pg/base/1/notes":                     never,
		"pg/base/1/112.orig":                  never,
		"pg/base/backup/x":                    never,
		"pg/pg_wal/notes":                     never,
		"pg/pg_tblspc/ts/x":                   never,
		"pg/postgresql.conf.mine":             never,
		ts + "mine":                           never,
	} {
		dir := resolved(t)
		made(t, dir+"/pg/PG_VERSION")
		made(t, dir+"/"+ts+"5/16385")
		made(t, dir+"/"+path)
		targets := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{tablespace(dir + "/ts")}}
		for _, c := range []struct {
			rest *Claim
			may  bool
		}{
			{&Claim{Apart: []Apart{}}, may == ever},
			{&Claim{Apart: []Apart{}, Started: true}, may != never},
			{&Claim{}, may != never}, // a mark of before does not say
		} {
			err := targets.RefuseStrays(known, c.rest)
			if c.may {
				require.NoError(t, err, path)
				continue
			}
			require.ErrorContains(t, err, "move it away, nothing is ever deleted", path)
			why, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, why)
		}
	}
}

// A few names are enough, of directories without what is in them; what a link leads to is looked at where it leads.
func TestTargets_RefuseStrays_Names(t *testing.T) {
	dir := resolved(t)
	known := KnownOf(pgbackrest.Manifest{Paths: []string{"pg_data", "pg_data/pg_wal"}})
	made(t, dir+"/wal/keep/y")
	made(t, dir+"/pg/")
	require.NoError(t, os.Symlink(dir+"/wal", dir+"/pg/pg_wal"))
	targets := Targets{Data: dir + "/pg", List: []pgbackrest.ManifestTarget{link(dir+"/wal", "")}}
	rest := &Claim{Apart: []Apart{}}
	require.ErrorContains(t, targets.RefuseStrays(known, rest), `("`+dir+`/wal/keep")`)
	for _, name := range []string{"a", "b", "c/d", "e"} {
		made(t, dir+"/pg/"+name)
	}
	words := `("` + dir + `/pg/a", "` + dir + `/pg/b", "` + dir + `/pg/c", ...)`
	require.ErrorContains(t, targets.RefuseStrays(known, rest), words)
	require.NoError(t, Targets{Data: dir + "/none"}.RefuseStrays(known, rest))
}
