package postgres

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// library is a machine that has some libraries, and one file.
type library struct {
	host.Host
	conf string
	has  []string
}

func (l library) Run(_ context.Context, c host.Command) (host.Result, error) {
	if c.Argv[0] == "test" && !slices.Contains(l.has, c.Argv[len(c.Argv)-1]) {
		return host.Result{}, &host.ExitError{Code: 1}
	}
	return host.Result{Stdout: []byte("/lib\n")}, nil
}

func (l library) Read(context.Context, string) ([]byte, error) { return []byte(l.conf), nil }

// What is installed here is loaded, but for what would run or send what is in the data.
func TestPreload(t *testing.T) {
	s := Server{Host: library{
		conf: `shared_preload_libraries = 'pg_stat_statements, pg_cron, "$libdir/pglogical", gone, pg_net.so, ` +
			`pgautofailover'`,
		has: []string{
			"/lib/pg_stat_statements.so",
			"/lib/pg_cron.so",
			"/lib/pglogical.so",
			"/lib/pg_net.so",
			"/lib/pgautofailover.so",
		},
	}}
	loaded, leftOut, err := s.preload(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"pg_stat_statements"}, loaded)
	assert.Equal(t, []string{"pg_cron", "$libdir/pglogical", "gone", "pg_net.so", "pgautofailover"}, leftOut)
}
