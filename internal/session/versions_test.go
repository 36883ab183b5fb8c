package session

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// machine has one server, of the version it says.
type machine struct {
	host.Host
	server string
}

func (m machine) Run(_ context.Context, c host.Command) (host.Result, error) {
	switch {
	case c.Argv[0] == "ls":
		return host.Result{Stdout: []byte(m.server[:2])}, nil
	case c.Argv[0] == "/usr/lib/postgresql/"+m.server[:2]+"/bin/postgres":
		return host.Result{Stdout: []byte("postgres (PostgreSQL) " + m.server)}, nil
	}
	return host.Result{}, host.ErrNotFound
}

// One sentence says everything that is of another version, and each thing that is to be installed.
func TestFindServer(t *testing.T) {
	set := pgbackrest.Backup{Label: "20261129-020003F"}
	set.Backrest.Version = "2.55.1"
	for name, c := range map[string]struct {
		server, pgbackrest string
		says               []string
	}{
		"the same":        {"17.12", "2.55.1", nil},
		"newer ones":      {"17.13", "2.60.0", nil},
		"older tool":      {"17.12", "2.45", []string{"20261129-0", "2.55.1", "2.45", "apt-get install pgbackrest"}},
		"other server":    {"15.18", "2.55.1", []string{"PostgreSQL 17", "15.18", "apt-get install postgresql-17"}},
		"both":            {"15.18", "2.45", []string{"15.18", "postgresql-17", "2.55.1 made it, where 2.45"}},
		"a newer server":  {"18.6", "2.60.0", []string{"PostgreSQL 17", "18.6", "postgresql-17"}},
		"a smaller minor": {"17.1", "2.55.1", nil},
	} {
		_, err := FindServer(t.Context(), machine{server: c.server}, c.pgbackrest, set, "17")
		if c.says == nil {
			require.NoError(t, err, name)
			continue
		}
		why, _ := reason.Of(err)
		assert.Equal(t, reason.VersionMismatch, why, name)
		for _, words := range c.says {
			assert.ErrorContains(t, err, words, name)
		}
	}
}
