package postgres

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/host"
)

// library is a machine that has some libraries, and one file.
type library struct {
	host.Host
	has []string
}

func (l library) Run(_ context.Context, c host.Command) (host.Result, error) {
	if c.Argv[0] == "test" && !slices.Contains(l.has, c.Argv[len(c.Argv)-1]) {
		return host.Result{}, &host.ExitError{Code: 1}
	}
	return host.Result{Stdout: []byte("/lib\n")}, nil
}

// What is installed here is loaded, but for what would run or send what is in the data.
func TestPreload(t *testing.T) {
	s := Server{Host: library{
		has: []string{
			"/lib/pg_stat_statements.so",
			"/lib/pg_cron.so",
			"/lib/pglogical.so",
			"/lib/pg_net.so",
			"/lib/pgautofailover.so",
		},
	}}
	loaded, leftOut := s.preload(t.Context(), `pg_stat_statements, pg_cron, "$libdir/pglogical", gone, pg_net.so, `+
		`pgautofailover`)
	assert.Equal(t, []string{"pg_stat_statements"}, loaded)
	assert.Equal(t, []string{"pg_cron", "$libdir/pglogical", "gone", "pg_net.so", "pgautofailover"}, leftOut)
}
