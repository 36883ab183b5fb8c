package standby_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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

// Whatever becomes of a drill in the pause, the standby replays again within 15 s: a killed one, one that is cut off
// from it, and one whose session is ended there. The bound below is wider by what a busy machine needs to notice.
func TestGuard(t *testing.T) {
	s := production(t)
	config, err := s.Standby()
	require.NoError(t, err)
	for name, end := range map[string]func(t *testing.T, drill *exec.Cmd, beside *pgx.Conn){
		"Killed": func(t *testing.T, drill *exec.Cmd, _ *pgx.Conn) {
			t.Helper()
			require.NoError(t, drill.Process.Kill())
		},
		"CutOff": func(t *testing.T, drill *exec.Cmd, _ *pgx.Conn) {
			t.Helper()
			require.NoError(t, drill.Process.Signal(unix.SIGSTOP))
		},
		"SessionEnded": func(t *testing.T, _ *exec.Cmd, beside *pgx.Conn) {
			t.Helper()
			var ended int
			const query = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE application_name = 'veza-compare' AND wait_event IS DISTINCT FROM 'PgSleep'`
			require.NoError(t, beside.QueryRow(t.Context(), query).Scan(&ended))
			require.Positive(t, ended)
		},
	} {
		t.Run(name, func(t *testing.T) {
			beside := connect(t, config)
			require.Equal(t, "not paused", state(t, beside))
			drill := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHoldsThePause$")
			drill.Env = append(os.Environ(), held+"="+config.Host)
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
			end(t, drill, beside)
			bound, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			replays := func(ctx context.Context) error {
				var said string
				if failed := beside.QueryRow(ctx, "SELECT pg_get_wal_replay_pause_state()").Scan(&said); failed != nil {
					return wait.Stop(failed)
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
