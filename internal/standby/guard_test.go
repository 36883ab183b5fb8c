package standby_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/wait"
)

// held names the socket for the process of TestHoldsThePause.
const held = "VEZA_TEST_STANDBY"

// TestHoldsThePause is no test: it is the process of TestGuard that dies, or hears nothing any more, in the pause.
func TestHoldsThePause(t *testing.T) {
	socket := os.Getenv(held)
	if socket == "" {
		return
	}
	config, err := pgx.ParseConfig("host=" + socket + " port=5433 user=postgres dbname=postgres sslmode=disable")
	require.NoError(t, err)
	o, err := standby.Open(t.Context(), config)
	require.NoError(t, err)
	standby.WhilePaused(func() {
		_, _ = fmt.Fprintln(os.Stdout, "\npaused")
		select {}
	})
	_, _ = o.Freeze(t.Context())
}

// asking are the sessions of the drill, without the one that resumes replay.
const asking = `FROM pg_stat_activity
	WHERE application_name = 'veza-compare' AND wait_event IS DISTINCT FROM 'PgSleep'`

// paused is a drill that stands in the pause, a session beside it, and the line between the drill and the standby.
type paused struct {
	drill  *exec.Cmd
	beside *pgx.Conn
	line   *line
}

// Whatever becomes of a drill in the pause, the standby replays again within 15 s: a killed one, one that hears nothing
// any more, one that is cut off from it, and one whose session is ended there, in good order or not. The bound below is
// wider by what a busy machine needs to notice.
func TestGuard(t *testing.T) {
	s := production(t)
	config, err := s.Standby()
	require.NoError(t, err)
	for name, end := range map[string]func(t *testing.T, p paused){
		"Killed": func(t *testing.T, p paused) {
			t.Helper()
			require.NoError(t, p.drill.Process.Kill())
		},
		"Stopped": func(t *testing.T, p paused) {
			t.Helper()
			require.NoError(t, p.drill.Process.Signal(unix.SIGSTOP))
		},
		"CutOff": func(t *testing.T, p paused) {
			t.Helper()
			p.line.cut()
		},
		"SessionEnded": func(t *testing.T, p paused) {
			t.Helper()
			var ended int
			const query = "SELECT count(pg_terminate_backend(pid)) " + asking
			require.NoError(t, p.beside.QueryRow(t.Context(), query).Scan(&ended))
			require.Positive(t, ended)
		},
		// The postmaster ends everybody then, and begins again.
		"SessionKilled": func(t *testing.T, p paused) {
			t.Helper()
			var pid int
			require.NoError(t, p.beside.QueryRow(t.Context(), "SELECT min(pid) "+asking).Scan(&pid))
			require.NoError(t, unix.Kill(pid, unix.SIGKILL))
		},
	} {
		t.Run(name, func(t *testing.T) {
			beside := connect(t, config)
			require.Equal(t, "not paused", state(t, beside))
			drill := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHoldsThePause$")
			between := newLine(t, filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port)))
			drill.Env = append(os.Environ(), held+"="+between.dir)
			output, err := drill.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, drill.Start())
			defer func() {
				_ = drill.Process.Kill() // it may be gone
				_ = drill.Wait()
			}()
			lines := bufio.NewScanner(output)
			for lines.Scan() && lines.Text() != "paused" {
				t.Log(strings.TrimSpace(lines.Text()))
			}
			begun := time.Now()
			require.Equal(t, "paused", state(t, beside))
			end(t, paused{drill, beside, between})
			bound, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			replays := func(ctx context.Context) error {
				now, failed := pgx.ConnectConfig(ctx, config) // it may have begun again
				if failed != nil {
					return failed
				}
				defer compare.CloseNow(ctx, now)
				var said string
				if failed = now.QueryRow(ctx, "SELECT pg_get_wal_replay_pause_state()").Scan(&said); failed != nil {
					return failed
				}
				if said != "not paused" {
					return errors.New(said)
				}
				return nil
			}
			require.NoError(t, wait.For(bound, "the standby to replay", 20*time.Millisecond, replays))
			t.Logf("it replays again %s after it was paused", time.Since(begun).Round(10*time.Millisecond))
			assert.Less(t, time.Since(begun), 30*time.Second)
		})
	}
}
