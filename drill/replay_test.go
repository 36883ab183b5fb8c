package drill

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// A restore works with as many processes as the conf says, whatever the sandbox has, and the report says so.
func TestRestore_Processes(t *testing.T) {
	for conf, want := range map[string][]string{
		"[demo]\npg1-path=/p\n": {
			"--process-max=2", "restore works with process-max=2, by the cores of this machine: /c has none; the " +
				"sandbox has 2 cores\n",
		},
		"[global]\nprocess-max=3\n[demo]\npg1-path=/p\n": {
			"", "restore works with process-max=3 (/c:2); the sandbox has 2 cores\n",
		},
	} {
		p, box := restoring(t, answer{})
		config, err := pgbackrest.ParseConfig("/c", []byte(conf))
		require.NoError(t, err)
		p.repo.Conf.Config = config
		var heard recorder
		_, err = restore(t.Context(), suite.NewOut(&heard), p)
		require.NoError(t, err)
		ran := strings.Join(box.ran, "\n")
		assert.Contains(t, ran, want[0])
		assert.Equal(t, want[0] != "", strings.Contains(ran, "--process-max"), "else pgBackRest reads the conf")
		assert.Contains(t, heard.String(), want[1])
	}
}

// The choice reaches the server, with the chain it will replay, and stands in the report.
func TestChooseGetting(t *testing.T) {
	for asked, want := range map[string]string{
		pgbackrest.GetAuto: "PGBACKREST_ARCHIVE_ASYNC=n", pgbackrest.GetOn: "PGBACKREST_ARCHIVE_ASYNC=y",
	} {
		p, box := restoring(t, answer{})
		box.answers["pgbackrest version"] = answer{stdout: "pgBackRest 2.59.1\n"}
		box.answers["mkdir"] = answer{}
		p.Settings.GetAsync = asked
		p.plan.chain.Entries = []wal.Entry{{Name: "000000010000000000000002"}}
		r := recovered{restored: restored{provisioned: p}, cluster: cluster{server: &postgres.Server{}}}
		var heard recorder
		require.NoError(t, r.chooseGetting(t.Context(), suite.NewOut(&heard)))
		assert.Equal(t, asked == pgbackrest.GetOn, heard.String() != "", "what was fetched ahead is said afterwards")
		r.tellGetting(t.Context(), suite.NewOut(&heard))
		assert.Contains(t, r.cluster.server.Env, want)
		assert.Equal(t, asked == pgbackrest.GetAuto, r.cluster.server.FetchFirst != "")
		assert.Contains(t, heard.String(), map[string]string{
			pgbackrest.GetAuto: "none was fetched ahead", pgbackrest.GetOn: "-get-async=on",
		}[asked])
	}
	p, _ := restoring(t, answer{})
	r := recovered{restored: restored{provisioned: p}, cluster: cluster{server: &postgres.Server{}}}
	require.Error(t, r.chooseGetting(t.Context(), suite.NewOut(&recorder{})), "no pgBackRest answers there")
}

func TestReplayRate(t *testing.T) {
	log := postgres.Log{RedoStart: noon, RedoDone: noon.Add(2 * time.Second), Restored: []string{
		"000000010000000000000001", "000000010000000000000001", "000000010000000000000002", "00000002.history",
	}}
	assert.Equal(t, "2 segments in 2.0 s, 16.8 MB/s", replayRate(log, 16<<20))
	assert.Equal(t, "0 segments in 0.0 s", replayRate(postgres.Log{}, 16<<20))
}
