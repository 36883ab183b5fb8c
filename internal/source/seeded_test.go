package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/wait"
)

// All that was written before Open returned comes back from the backups alone,
// by way of S3, TLS, encryption and the archive, while the cluster lives on.
func TestSeeded_S3(t *testing.T) {
	long(t)
	t.Parallel()
	const users = 2000
	s := seed(t, users, true)
	repository := open(t, s)
	assert.Equal(t, "demo", repository.Stanza)
	t.Run("ComesBack", func(t *testing.T) { assertRestores(t, repository, users) })
	t.Run("LivesOn", func(t *testing.T) { livesOn(t, s) })
	t.Run("KeepsItsSecrets", func(t *testing.T) { keepsItsSecrets(t, s, repository) })
	t.Run("DeniesAWrongSecret", func(t *testing.T) { deniesAWrongSecret(t, s, repository) })
	t.Run("HandsOutAConfThatOnlyReads", func(t *testing.T) { handsOutAConfThatOnlyReads(t, s, repository) })
}

// The same comes back without a store, from a cluster that was stopped.
func TestSeeded_Posix(t *testing.T) {
	long(t)
	t.Parallel()
	s := seed(t, 3, false)
	repository := open(t, s)
	require.NoError(t, s.Stop(soon(t)))
	assertRestores(t, repository, 3)
}

// An ordinary user can do all of it.
func TestSeeded_OrdinaryUser(t *testing.T) {
	long(t)
	if os.Geteuid() != 0 {
		return // the other tests have shown it
	}
	output := hosttest.AsNobody(t, "^TestSeeded_S3$")
	require.Contains(t, output, "--- PASS: TestSeeded_S3/ComesBack")
}

// Production goes on during a drill: heartbeat rows are written, and no segment was refused.
func livesOn(t *testing.T, s *source.Seeded) {
	t.Helper()
	conn := connect(t, s)
	first := heartbeatRows(t, conn)
	require.NoError(t, wait.For(soon(t), "another heartbeat row", 50*time.Millisecond, func(context.Context) error {
		if heartbeatRows(t, conn) == first {
			return errors.New("none yet")
		}
		return nil
	}))
	var failed int
	var archiving, timeout string
	require.NoError(
		t,
		conn.QueryRow(soon(t), `SELECT failed_count,
			current_setting('archive_command'), current_setting('archive_timeout')
		FROM pg_stat_archiver`).
			Scan(&failed, &archiving, &timeout),
	)
	assert.Zero(t, failed)
	assert.Contains(t, archiving, "archive-push")
	assert.Equal(t, "1min", timeout)
}

// Secrets stand in one file, which others cannot read.
func keepsItsSecrets(t *testing.T, s *source.Seeded, repository source.Repository) {
	t.Helper()
	info, err := os.Stat(repository.Conf)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
	leaks, err := s.Machine.Run(soon(t), host.Command{Argv: []string{
		"grep", "-rlF", "-e", s.Store.Secret, "-e", passphrase(t, repository),
		s.Machine.Dir("etc"), s.Machine.Dir("log"), s.Machine.Dir("data"),
	}})
	require.NoError(t, err)
	assert.Equal(t, repository.Conf, strings.TrimSpace(string(leaks.Stdout)), "the secrets stand in one file")
}

// The store refuses wrong credentials as a real one does.
func deniesAWrongSecret(t *testing.T, s *source.Seeded, repository source.Repository) {
	t.Helper()
	conf, err := os.ReadFile(repository.Conf)
	require.NoError(t, err)
	wrong := filepath.Join(s.Machine.Dir("etc"), "wrong.conf")
	require.NoError(t,
		s.Machine.Put(soon(t), wrong, []byte(strings.ReplaceAll(string(conf), s.Store.Secret, "wrong")), 0o600, ""))
	_, err = s.Machine.Run(soon(t),
		host.Command{Argv: []string{"pgbackrest", "--config=" + wrong, "--stanza=demo", "repo-ls"}})
	exit, ok := errors.AsType[*host.ExitError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 39, exit.Code)
	assert.Contains(t, string(exit.Result.Stderr), "403 (Forbidden)")
}

// What the drill gets is the node's own conf, but for the keys: they read and do not write.
func handsOutAConfThatOnlyReads(t *testing.T, s *source.Seeded, repository source.Repository) {
	t.Helper()
	node, err := os.ReadFile(repository.Conf)
	require.NoError(t, err)
	same := strings.NewReplacer(s.Store.ReadKey, s.Store.Key, s.Store.ReadSecret, s.Store.Secret).
		Replace(string(repository.Content))
	assert.Equal(t, string(node), same)
	assert.NotEqual(t, string(node), string(repository.Content))
	assert.Equal(t, os.FileMode(0o640), repository.Mode)
	assert.NotEmpty(t, repository.Owner)
	reader := filepath.Join(s.Machine.Dir("etc"), "reader.conf")
	require.NoError(t, s.Machine.Put(soon(t), reader, repository.Content, 0o600, ""))
	ask := func(args ...string) error {
		_, err := s.Machine.Run(soon(t),
			host.Command{Argv: append([]string{"pgbackrest", "--config=" + reader, "--stanza=demo"}, args...)})
		return err
	}
	require.NoError(t, ask("repo-ls"))
	require.ErrorContains(t, ask("repo-rm", "backup/demo/backup.info"), "AccessDenied")
}

// Options take the place of the usual ones, or take them out.
func TestSeeded_Options(t *testing.T) {
	long(t)
	t.Parallel()
	s := seed(t, 1, false)
	s.Options = []string{"repo1-retention-full=1", "repo1-cipher-type", "repo1-cipher-pass"}
	repository := open(t, s)
	conf, err := os.ReadFile(repository.Conf)
	require.NoError(t, err)
	assert.Contains(t, string(conf), "repo1-retention-full=1\n")
	assert.NotContains(t, string(conf), "cipher")
	assert.Equal(t, string(conf), string(repository.Content), "without a store there are no keys")
}

// Whatever is missing is named, with what to install; and nothing stays behind.
func TestSeeded_MissingTool(t *testing.T) {
	for _, missing := range []string{"server", "pgbackrest"} {
		t.Run(missing, func(t *testing.T) {
			s := seed(t, 1, false)
			if missing == "server" {
				s.BinDir = "/no/such/bin"
			} else {
				long(t)
				s.BinDir = hosttest.ServerPrograms(t)
				t.Setenv("PATH", "/no/such/path")
			}
			_, err := s.Open(soon(t), t.Logf)
			why, _ := reason.Of(err)
			require.Equal(t, reason.ToolMissing, why, "%v", err)
			require.ErrorContains(t, err, "apt-get install postgresql pgbackrest")
		})
	}
}

// Open cut off anywhere leaves something that Close removes whole.
func TestClose_AfterHalfAnOpen(t *testing.T) {
	long(t)
	t.Parallel()
	for _, after := range []string{"making", "loading", "%s backup"} {
		t.Run("cut="+after, func(t *testing.T) {
			s := seed(t, 500, true)
			ctx, cancel := context.WithCancelCause(soon(t))
			why := errors.New("cut off by the test")
			_, err := s.Open(ctx, func(format string, args ...any) {
				if strings.HasPrefix(format, after) {
					cancel(why)
				}
			})
			require.Error(t, err)
			require.NoError(t, s.Close(soon(t)))
			require.NoError(t, s.Machine.Gone(soon(t)))
		})
	}
}

// long marks a test that runs real PostgreSQL and pgBackRest.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs PostgreSQL and pgBackRest")
	}
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// seed prepares a source that is gone when the test ends.
func seed(t *testing.T, users int, s3 bool) *source.Seeded {
	t.Helper()
	s := &source.Seeded{Rows: users}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		assert.NoError(t, s.Close(ctx))
		assert.NoError(t, s.Close(ctx), "twice is fine")
	})
	if s3 {
		store, err := objectstore.Embedded(t.Context())
		require.NoError(t, err)
		s.Store = store
	}
	s.Machine = launch(t)
	return s
}

func launch(t *testing.T) sandbox.Sandbox {
	t.Helper()
	m, err := process.Provider{}.Launch(soon(t), sandbox.Spec{Stanza: "source-test", Run: t.Name()})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		assert.NoError(t, m.Destroy(ctx))
		assert.NoError(t, m.Gone(ctx))
	})
	require.NoError(t, err)
	return m
}

func open(t *testing.T, s *source.Seeded) source.Repository {
	t.Helper()
	begin := time.Now()
	repository, err := s.Open(soon(t), func(format string, args ...any) {
		t.Logf("%5.2f s "+format, append([]any{time.Since(begin).Seconds()}, args...)...)
	})
	require.NoError(t, err)
	t.Logf("%5.2f s open", time.Since(begin).Seconds())
	return repository
}

func connect(t *testing.T, s *source.Seeded) *pgx.Conn {
	t.Helper()
	conn, err := s.Connect(soon(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close(context.Background())) })
	return conn
}

func heartbeatRows(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	require.NoError(t, conn.QueryRow(soon(t), `SELECT count(*) FROM public.veza_heartbeat`).Scan(&n))
	return n
}

func passphrase(t *testing.T, repository source.Repository) string {
	t.Helper()
	conf, err := os.ReadFile(repository.Conf)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(conf), "repo1-cipher-pass=")
	require.True(t, found)
	secret, _, _ := strings.Cut(rest, "\n")
	require.Len(t, secret, 52, "260 random bits")
	return secret
}

// assertRestores restores the repository into a machine of its own, recovers to
// the end of the archive, and counts.
func assertRestores(t *testing.T, repository source.Repository, users int) {
	t.Helper()
	m := launch(t)
	bin := hosttest.ServerPrograms(t) + "/"
	run := func(argv ...string) string {
		result, err := m.Run(soon(t), host.Command{Argv: argv})
		said, _ := m.Read(soon(t), filepath.Join(m.Dir("log"), "server.log")) // it adds to an error
		require.NoError(t, err, "%s%s", result.Stdout, said)
		return string(result.Stdout)
	}
	client := []string{
		"pgbackrest", "--config=" + repository.Conf, "--stanza=" + repository.Stanza,
		"--log-path=" + m.Dir("log"), "--lock-path=" + m.Dir("lock"),
	}
	assert.Contains(t, run(append(client, "info", "--output=json")...), `"type":"diff"`)
	run(append(client, "restore", "--archive-mode=off", "--pg1-path="+m.Dir("data"))...)
	auto, err := m.Read(soon(t), filepath.Join(m.Dir("data"), "postgresql.auto.conf"))
	require.NoError(t, err)
	assert.Contains(t, string(auto), "archive-push", "what production has comes back with it")
	run(bin+"pg_ctl", "start", "-s", "-w", "-D", m.Dir("data"), "-l", filepath.Join(m.Dir("log"), "server.log"),
		"-o", "-c archive_mode=off -c hot_standby=off -c listen_addresses= -c unix_socket_directories="+m.Dir("run"))
	psql := host.Command{Argv: []string{"psql", "-XAtq", "-h", m.Dir("run"), "-U", "postgres", "-c", `SELECT count(*),
		(SELECT count(*) FROM orders), (SELECT count(*) FROM order_items), (SELECT count(*) > 0 FROM veza_heartbeat),
		(SELECT count(*) FROM pg_constraint WHERE contype = 'f'), current_setting('data_checksums') FROM users`}}
	var counted host.Result
	require.NoError(t, wait.For(soon(t), "the end of recovery", 50*time.Millisecond, func(ctx context.Context) error {
		counted, err = m.Run(ctx, psql) // hot_standby=off: it answers only then
		return err
	}))
	orders := users / 2
	assert.Equal(t, []string{itoa(users), itoa(orders), itoa(2 * orders), "t", "2", "on"},
		strings.Split(strings.TrimSpace(string(counted.Stdout)), "|"))
}
