package repository

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
)

// The conf of a repository host says that its clusters are elsewhere. The restored one is here: archive-get goes as far
// as its pg_control, which this one does not have.
func TestArchiveGet_TheConfOfARepositoryHost(t *testing.T) {
	if testing.Short() {
		t.Skip("needs pgBackRest")
	}
	m, err := process.Provider{}.Launch(t.Context(), sandbox.Spec{Stanza: "repository-test", Run: t.Name()})
	t.Cleanup(func() { assert.NoError(t, m.Destroy(context.Background())) })
	require.NoError(t, err)
	for name, hosts := range map[string]string{
		"pg1-host": "pg1-host=pg1.veza.test\npg1-host-user=postgres\n",
		"db-host":  "db-host=pg1.veza.test\n",
		"with TLS": "pg1-host=pg1.veza.test\npg1-host-type=tls\npg1-host-cert-file=/c\npg1-host-key-file=/k\n",
		"two":      "pg1-host=pg1.veza.test\npg2-host=pg2.veza.test\npg2-path=/p\n",
		"none":     "",
	} {
		t.Run(name, func(t *testing.T) {
			r := load(t, "[global]\nrepo1-path=/repo\n[veza]\npg1-path=/p\n"+hosts)
			client, err := r.Equip(t.Context(), m, true, nil)
			require.NoError(t, err)
			segments := []string{"000000010000000000000001", "000000010000000000000002"}
			err = client.Pgbackrest.ArchiveGet(t.Context(), segments[0], m.Dir("spool")+"/segment")
			require.ErrorContains(t, err, "global/pg_control")

			ahead, err := client.Pgbackrest.FetchAhead(t.Context(), pgbackrest.Getting{Ahead: 1}, segments)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, segment := range segments {
				command := strings.NewReplacer("%f", segment, "%p", "RECOVERYXLOG", "%%", "%").Replace(ahead.Command)
				_, err = m.Run(ctx, host.Command{Argv: []string{"sh", "-c", command}})
				require.Error(t, err)
			}
			count, failed, err := client.Pgbackrest.Fetched(ctx, ahead)
			require.NoError(t, err)
			assert.Zero(t, count)
			assert.Contains(t, failed, "global/pg_control")
		})
	}
}
