package realtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// machine is one that lost its cluster: a copy of the repository, and a place for the data directory.
type machine struct {
	*source
	t    *testing.T
	dir  string // of everything
	data string // what -to names

	programs string // a directory before all others in PATH; "" is none
	ordinary bool   // veza-restore is run by the user who runs PostgreSQL
}

// lost is a node of its own whose data directory is gone.
func lost(t *testing.T, from func() (*source, error)) *machine {
	t.Helper()
	n := away(t, from)
	require.NoError(t, os.Remove(filepath.Join(n.dir, "repo")))
	n.run("cp", "-a", filepath.Join(n.source.dir, "repo"), n.dir)
	return n
}

// away is the same with the repository of the source, which nothing here writes to.
func away(t *testing.T, from func() (*source, error)) *machine {
	t.Helper()
	s, err := from()
	require.NoError(t, err)
	n := &machine{source: s, t: t}
	n.dir, err = os.MkdirTemp(base, "n-")
	require.NoError(t, err)
	t.Cleanup(func() { n.clean() })
	require.NoError(t, os.Chmod(n.dir, 0o755))
	n.data = filepath.Join(n.dir, "pg")
	require.NoError(t, directories(n.dir))
	require.NoError(t, os.Remove(filepath.Join(n.dir, "repo")))
	require.NoError(t, os.Symlink(filepath.Join(s.dir, "repo"), filepath.Join(n.dir, "repo")))
	require.NoError(t, writeConf(n.dir, n.data))
	return n
}

// clean ends a cluster that is left, and makes room.
func (n *machine) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	if _, err := os.Lstat(filepath.Join(n.data, "postmaster.pid")); err == nil {
		_, _ = command(ctx, n.bin+"/pg_ctl", "stop", "-w", "-m", "immediate", "-D", n.data) // it may be gone by itself
	}
	if !n.t.Failed() || os.Getenv("REALTEST_KEEP") == "" {
		_ = os.RemoveAll(n.dir)
	}
}

func (n *machine) ctx() context.Context {
	ctx, cancel := context.WithTimeout(n.t.Context(), commandTime)
	n.t.Cleanup(cancel)
	return ctx
}

// run runs a program as the user who runs PostgreSQL.
func (n *machine) run(argv ...string) string {
	n.t.Helper()
	said, err := command(n.ctx(), argv...)
	require.NoError(n.t, err)
	return said
}

// outcome is what veza-restore left behind.
type outcome struct {
	Exit   int
	Said   string
	Report struct {
		Verdict string            `json:"verdict"`
		Reason  reason.Reason     `json:"reason"`
		Step    string            `json:"step"`
		Detail  string            `json:"detail"`
		Notes   []string          `json:"notes"`
		Labels  map[string]string `json:"labels"`
	}
}

// quick leaves the deeper checks out, which take longer than all the rest.
var quick = []string{"-yes", "-deep", "none"}

// command is veza-restore with this node's settings.
func (n *machine) command(args ...string) *exec.Cmd {
	argv := []string{
		"-conf", confOf(n.dir), "-report", n.file("report.json"), "-log", n.file("restore.log"),
		"-history", n.file("history"), "-to", n.data,
	}
	argv = append(append([]string{program()}, argv...), args...)
	cmd := exec.CommandContext(n.ctx(), argv[0], argv[1:]...)
	if n.ordinary {
		cmd = as(n.ctx(), argv...)
	}
	n.environment(cmd)
	return cmd
}

func (n *machine) environment(cmd *exec.Cmd) {
	cmd.Dir = "/"
	path := os.Getenv("PATH")
	if n.programs != "" {
		path = n.programs + ":" + path
	}
	cmd.Env = []string{"PATH=" + path, "TMPDIR=" + filepath.Join(n.dir, "tmp"), "HOME=" + n.dir}
	require.NoError(n.t, os.Chmod(filepath.Join(n.dir, "tmp"), 0o777|os.ModeSticky))
}

func (n *machine) file(name string) string { return filepath.Join(n.dir, "tmp", name) }

// restore runs veza-restore to its end; without flags it does not ask, and makes no deeper checks.
func (n *machine) restore(args ...string) outcome {
	n.t.Helper()
	if len(args) == 0 || !strings.HasPrefix(args[0], "-plan") {
		args = append(args, quick...)
	}
	return n.end(n.command(args...))
}

// end runs a command and collects what it left.
func (n *machine) end(cmd *exec.Cmd) (o outcome) {
	n.t.Helper()
	_ = os.Remove(n.file("report.json")) // of an earlier run
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	_ = cmd.Run() // the status says it
	return n.left(cmd, said.String())
}

func (n *machine) left(cmd *exec.Cmd, said string) (o outcome) {
	n.t.Helper()
	o.Exit, o.Said = cmd.ProcessState.ExitCode(), said
	if content, err := os.ReadFile(n.file("report.json")); err == nil {
		require.NoError(n.t, json.Unmarshal(content, &o.Report))
	}
	return o
}

// sql asks the cluster of the node.
func (n *machine) sql(statement string) string {
	n.t.Helper()
	said, err := query(n.ctx(), n.bin, n.dir, statement)
	require.NoError(n.t, err)
	return said
}

// start starts the cluster as production would.
func (n *machine) start() {
	n.t.Helper()
	if err := start(n.ctx(), n.bin, n.dir, n.data); err != nil {
		log, _ := os.ReadFile(filepath.Join(n.dir, "server.log"))
		n.t.Fatalf("%v\n%s", err, log)
	}
}

func (n *machine) stop() {
	n.t.Helper()
	n.run(n.bin+"/pg_ctl", "stop", "-w", "-m", "fast", "-D", n.data)
}

// users counts the rows that every source has.
func (n *machine) users() (rows int) {
	n.t.Helper()
	_, err := fmt.Sscan(n.sql("SELECT count(*) FROM users"), &rows)
	require.NoError(n.t, err)
	return rows
}
