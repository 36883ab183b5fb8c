package process_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/sandbox"
)

// The host conforms, as whoever runs this test.
func TestConformance(t *testing.T) {
	hosttest.PublicTemp(t)
	hosttest.Run(t, func(t *testing.T) host.Host { return launch(t) })
}

// The host conforms as an ordinary user too: root runs this test once more as nobody.
func TestConformance_OrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return // TestConformance has shown it
	}
	output := hosttest.AsNobody(t, "^TestConformance$")
	require.Contains(t, output, "--- PASS: TestConformance/UseAfterDestroy", "the suite has run")
}

// Root stays away from what must not belong to root.
func TestRun_RootNeverRunsPostgreSQL(t *testing.T) {
	if os.Geteuid() != 0 {
		return // nothing to refuse
	}
	s := launch(t)
	for _, program := range []string{"pgbackrest", "/opt/postgresql/bin/postgres"} {
		_, err := s.Run(soon(t), host.Command{Argv: []string{program, "--version"}, User: "root"})
		require.ErrorContains(t, err, "root never runs it")
	}
	result, err := s.Run(soon(t), host.Command{Argv: []string{"id", "-u"}, User: "root"})
	require.NoError(t, err)
	assert.Equal(t, "0\n", string(result.Stdout))
}

// Nothing outside the scratch directory is written: this machine may be a production one.
func TestPut_StaysInside(t *testing.T) {
	outside := hosttest.PublicTemp(t)
	s := launch(t)
	require.ErrorContains(t, s.Put(soon(t), filepath.Join(outside, "file"), nil, 0o600, ""), "outside")
	link := filepath.Join(s.Dir("data"), "pg_wal")
	require.NoError(t, os.Symlink(outside, link))
	require.ErrorContains(t, s.Put(soon(t), filepath.Join(link, "file"), nil, 0o600, ""), "outside")
	require.ErrorContains(t, s.Put(soon(t), "relative", nil, 0o600, ""), "absolute")
}

// A socket fits below any TMPDIR, and what was made for it beside goes with the rest.
func TestDir_SocketFitsBelowADeepTMPDIR(t *testing.T) {
	deep := hosttest.PublicTemp(t)
	for range 5 {
		deep = filepath.Join(deep, "a-directory-with-a-long-name")
		require.NoError(t, os.Mkdir(deep, 0o755))
	}
	t.Setenv("TMPDIR", deep)
	s := launch(t)
	listener, err := net.Listen("unix", filepath.Join(s.Dir("run"), ".s.PGSQL.65535"))
	require.NoError(t, err)
	defer listener.Close() //nolint:errcheck // it is only there to be reached
	conn, err := s.Dial(soon(t), "unix", listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	assert.NotContains(t, s.Dir("run"), deep)
}

// A TMPDIR that the commands' user cannot enter is named.
func TestLaunch_NamesTMPDIR(t *testing.T) {
	if os.Geteuid() != 0 {
		return // commands run as the same user
	}
	dir := hosttest.PublicTemp(t)
	require.NoError(t, os.Chmod(dir, 0o700))
	s, err := process.Provider{}.Launch(soon(t), sandbox.Spec{Stanza: "t", Run: "r"})
	require.ErrorContains(t, err, "set TMPDIR")
	require.NotNil(t, s, "the half-made sandbox can be destroyed")
	require.NoError(t, s.Destroy(soon(t)))
	require.NoError(t, s.Gone(soon(t)))
}

// launch makes a sandbox that is gone when the test ends.
func launch(t *testing.T) sandbox.Sandbox {
	t.Helper()
	s, err := process.Provider{}.Launch(soon(t), sandbox.Spec{Stanza: "t", Run: t.Name()})
	t.Cleanup(func() {
		if s != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			assert.NoError(t, s.Destroy(ctx))
			assert.NoError(t, s.Gone(ctx))
		}
	})
	require.NoError(t, err)
	return s
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
