package pgbackrest

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// heard keeps what was run and put, a line each.
type heard struct {
	host.Host
	lines []string
}

func (h *heard) Run(_ context.Context, c host.Command) (host.Result, error) {
	h.lines = append(h.lines, strings.Join(c.Argv, " "))
	return host.Result{}, nil
}

func (h *heard) Put(_ context.Context, path string, content []byte, _ fs.FileMode, _ string) error {
	h.lines = append(h.lines, path+" "+strings.ReplaceAll(string(content), "'", ""))
	return nil
}

// Every command that works on the restored cluster looks for it here, whatever host the conf names, and no other is
// told so: info and repo-ls refuse it. What restore alone knows, archive-get refuses.
func TestOnCluster(t *testing.T) {
	h := &heard{}
	c := &Client{Host: h, Data: "/data", Spool: "/spool"}
	require.NoError(t, c.Restore(t.Context(), RestoreOptions{Set: "x"}, io.Discard))
	require.NoError(t, c.Restore(t.Context(), RestoreOptions{Set: "x", Node: true, Delta: true}, io.Discard))
	require.NoError(t, c.ArchiveGet(t.Context(), "0001", "/to"))
	_, err := c.FetchAhead(t.Context(), Getting{Ahead: 1}, []string{"0001", "0002"})
	require.NoError(t, err)
	_, _ = c.Info(t.Context())
	_, _ = c.List(t.Context(), "archive")
	restores, gets := 0, 0
	for _, line := range h.lines {
		restore, get := strings.Contains(line, " restore "), strings.Contains(line, " archive-get ")
		assert.Equal(t, restore || get, strings.Contains(line, "--pg1-path=/data --reset-pg1-host"), line)
		assert.Equal(t, restore, strings.Contains(line, "--reset-db-include"), line)
		if restore {
			restores++
		}
		if get {
			gets++
		}
	}
	assert.Equal(t, [2]int{2, 2}, [2]int{restores, gets})
}

// What the conf has of recovery options goes, in a drill and where a restore has one of its own: pgBackRest takes no
// option that is given and reset.
func TestRestore_RecoveryOption(t *testing.T) {
	h := &heard{}
	c := &Client{Host: h}
	require.NoError(t, c.Restore(t.Context(), RestoreOptions{Set: "x"}, io.Discard))
	require.NoError(t, c.Restore(t.Context(), RestoreOptions{Set: "x", Node: true, Recovery: "a=b c"}, io.Discard))
	require.Len(t, h.lines, 2)
	assert.Contains(t, h.lines[0], " --reset-recovery-option")
	assert.NotContains(t, h.lines[0], "--recovery-option=")
	assert.Contains(t, h.lines[1], " --recovery-option=a=b c")
	assert.NotContains(t, h.lines[1], "--reset-recovery-option")
}
