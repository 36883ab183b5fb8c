package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
)

// What a backup leaves out and a restore needs is a finding, as the command backup sees it.
func TestPolicy_BackupsThatHoldLess(t *testing.T) {
	for option, says := range map[string]string{
		"exclude=base/16401/":           "a restore comes back without it",
		"exclude=base":                  "a restore comes back without it",
		"exclude=global/":               "a restore comes back without it",
		"exclude=pg_tblspc/16402":       "a restore comes back without it",
		"exclude=pg_xact/":              "a restore comes back without it",
		"exclude=pg_multixact/members/": "a restore comes back without it",
		"exclude=PG_VERSION":            "a restore comes back without it",
		"exclude=pg_replslot":           "PostgreSQL does not start without it",
		"exclude=pg_wal":                "PostgreSQL does not start without it",
		"exclude=pg_logical":            "PostgreSQL ends at its first checkpoint",
		"exclude=pg_logical/":           "PostgreSQL ends at its first checkpoint",
		"exclude=pg_logical/snapshots":  "PostgreSQL does not start without it",
		"exclude=pg_logical/mappings":   "PostgreSQL does not start without it",
	} {
		for _, section := range []string{"[global]", "[global:backup]", "[veza]", "[veza:backup]"} {
			_, findings := judge(t, well+section+"\nexclude=log/\n"+option+"\n", rightFile)
			require.Len(t, findings, 1, option)
			assert.Contains(t, findings[0], "/etc/pgbackrest/pgbackrest.conf:19: "+option+": no backup holds")
			assert.Contains(t, findings[0], says)
		}
	}
}

// What no restore needs, what another command or stanza sees, and what matches nothing are none.
func TestPolicy_BackupsThatHoldLess_HarmlessOnes(t *testing.T) {
	for _, more := range []string{
		"[global]\nexclude=log/\nexclude=pg_log\nexclude=junk/\nexclude=core.1234\nexclude=postgresql.auto.conf\n",
		"[global]\nexclude=base/pgsql_tmp/\nexclude=pg_tblspc/16402/PG_15_202209061/pgsql_tmp/\n" +
			"exclude=base/16401/pg_internal.init\n",
		"[veza:backup]\nexclude=pg_stat_tmp\nexclude=pg_replslot/\nexclude=pg_wal/\nexclude=pg_hba.conf\n",
		"[global]\nexclude=pg_logical/snapshots/\nexclude=pg_logical/mappings/\nexclude=pg_logical/x\n",
		"[global]\nexclude=/base/\nexclude=baseline/\n",
		"[other]\nexclude=base/\n[global:restore]\nexclude=base/\n",
		"[global]\nexclude=base/\n[veza:backup]\nexclude=log/\n", // the first section that has any counts
	} {
		_, findings := judge(t, well+more, rightFile)
		assert.Empty(t, findings, more)
	}
	const client = "[global]\nrepo1-host=b\ncompress-type=zst\nexclude=base/\n[veza]\npg1-path=/p\n"
	_, findings := judge(t, client, rightFile)
	assert.Empty(t, findings, "a client of a repository host takes no backup")
}

// What may be meant is said, and no violation.
func TestConfNotes(t *testing.T) {
	notes := func(more string) []string {
		conf, err := pgbackrest.ParseConfig("c.conf", []byte("[global]\nrepo1-path=/r\n[veza]\npg1-path=/p\n"+more))
		require.NoError(t, err)
		return ConfNotes(conf, "veza")
	}
	for option, says := range map[string]string{
		"archive-push-queue-max=100GB": "archive-push drops it",
		"archive-queue-max=100GB":      "an old name of archive-push-queue-max: where more",
		"checksum-page=n":              "damage gets into it unseen",
		"archive-check=n":              "may not be archived",
	} {
		list := notes(option + "\n")
		require.Len(t, list, 1, option)
		assert.True(t, strings.HasPrefix(list[0], "c.conf:5: "+option), list[0])
		assert.Contains(t, list[0], says)
		_, findings := judge(t, well+"[veza]\n"+option+"\n", rightFile)
		assert.Empty(t, findings, "a protection of the disk is no violation")
	}
	assert.Empty(t, notes("checksum-page=y\narchive-check=y\n[other]\nchecksum-page=n\n[veza:restore]\n"+
		"archive-push-queue-max=1GB\n"))
	assert.Len(t, notes("[veza:archive-push]\narchive-push-queue-max=1GB\n[global:backup]\nchecksum-page=n\n"), 2)
}
