package bench

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// rawCommands is what a person would type, timed: restore, start, wait for the end of
// recovery, the smoke query, stop. Making and removing the directory is not counted.
func rawCommands(ctx context.Context, b *testing.B, provider sandbox.Provider, conf, major string) time.Duration {
	b.Helper()
	content, err := os.ReadFile(conf)
	require.NoError(b, err)
	parsed, err := pgbackrest.ParseConfig(conf, content)
	require.NoError(b, err)
	repo := parsed.Repo(stanza, 1)
	store, _ := repo.Address()
	box, err := provider.Launch(ctx, sandbox.Spec{
		Stanza: stanza + "-raw", Run: "bench", Major: major, Need: 4 << 30, Stores: []sandbox.Address{
			{Host: store.Host, Port: store.Port},
		},
	})
	if box != nil {
		defer func() { require.NoError(b, box.Destroy(context.WithoutCancel(ctx))) }()
	}
	require.NoError(b, err)
	ca, err := os.ReadFile(repo.CAFile())
	require.NoError(b, err)
	copied, copiedCA := box.Dir("etc")+"/pgbackrest.conf", box.Dir("etc")+"/ca.crt"
	require.NoError(b, box.Put(ctx, copied, content, 0o640, ""))
	require.NoError(b, box.Put(ctx, copiedCA, ca, 0o640, ""))
	data, socket := box.Dir("data"), box.Dir("run")
	run := func(argv ...string) string {
		result, runErr := box.Run(ctx, host.Command{Argv: argv})
		if runErr != nil {
			log, _ := box.Read(ctx, box.Dir("log")+"/pg.log") // there may be none yet
			require.NoError(b, runErr, "%s", log)
		}
		return strings.TrimSpace(string(result.Stdout))
	}
	ask := func(query string) string {
		return run("psql", "-qAtX", "-h", socket, "-d", "postgres", "-c", query)
	}
	if late, ok := box.(sandbox.Waiter); ok {
		require.NoError(b, late.Ready(ctx))
	}
	server, err := postgres.Find(ctx, box, major)
	require.NoError(b, err)
	start := time.Now()
	run("pgbackrest", "--config="+copied, "--repo1-storage-ca-file="+copiedCA, "--stanza="+stanza, "--pg1-path="+data,
		"--lock-path="+box.Dir("lock"),
		"--archive-mode=off", "--process-max="+run("nproc"), "restore")
	options := "-c listen_addresses= -c archive_mode=off -c hot_standby=off -c unix_socket_directories=" + socket
	run(server.Program("pg_ctl"), "start", "-s", "-w", "-D", data, "-l", box.Dir("log")+"/pg.log", "-o", options)
	recovered := func(ctx context.Context) error {
		_, notYet := box.Run(ctx, host.Command{Argv: []string{
			"psql", "-qAtX", "-h", socket, "-d", "postgres", "-c", "SELECT 1/(NOT pg_is_in_recovery())::int",
		}})
		return notYet
	}
	require.NoError(b, wait.For(ctx, "the end of recovery", 50*time.Millisecond, recovered))
	count, err := strconv.Atoi(ask("SELECT count(*) FROM users"))
	require.NoError(b, err)
	require.Positive(b, count)
	run(server.Program("pg_ctl"), "stop", "-s", "-m", "immediate", "-D", data)
	return time.Since(start)
}
