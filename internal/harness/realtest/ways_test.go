package realtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/reason"
)

// way is something that may be typed while a cluster, or anything else, is where a restore would go.
type way struct {
	args  []string                     // behind the usual; the last -to goes, as to has it
	to    string                       // {data} is the data directory, {dir} the one above; "" is what make says
	link  string                       // what {dir}/link leads to; "" is no link
	make  func(n *machine) (to string) // what is there; "" is the usual place
	words string                       // of the one sentence
	early bool                         // refused before anything is begun: no report
}

const (
	holds  = "it holds a cluster (PostgreSQL "
	inside = "it lies inside a cluster"
)

// ways are tried one by one on a machine whose cluster is there, stopped cleanly.
var ways = map[string]way{
	"StoppedCluster":  {words: holds},
	"Resume":          {args: []string{"-resume"}, words: "no restore was interrupted here"},
	"ResumeAndAccept": {args: []string{"-resume", "-accept-loss"}, words: "no restore was interrupted here"},
	"RunningCluster": {make: func(n *machine) string {
		n.start()
		n.sql("CHECKPOINT") // from now on it has nothing to write
		return ""
	}, words: "a server works in it"},
	"ResumeRunningCluster": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(nil)
		n.start()
		n.sql("CHECKPOINT")
		return ""
	}, words: "a server works in it"},
	"RemovedUnderAServer": {make: func(n *machine) string {
		n.start()
		server, err := os.FindProcess(n.postmaster())
		require.NoError(n.t, err)
		n.t.Cleanup(func() { _ = server.Signal(syscall.SIGQUIT) }) // it may have found out by itself
		n.run("find", n.data, "-mindepth", "1", "-delete")
		return ""
	}, words: "a server works in it"},
	"RemovedUnderAPostmaster": {make: func(n *machine) string {
		old := filepath.Join(n.dir, "postmaster")
		require.NoError(n.t, os.Symlink(n.bin+"/postgres", old))
		n.run(n.bin+"/pg_ctl", "start", "-w", "-p", old, "-D", n.data, "-l", n.dir+"/server.log", "-o", "-k "+n.dir)
		server, err := os.FindProcess(n.postmaster())
		require.NoError(n.t, err)
		n.t.Cleanup(func() { _ = server.Signal(syscall.SIGQUIT) })
		n.run("find", n.data, "-mindepth", "1", "-delete")
		return ""
	}, words: "a server works in it"},
	"StalePidFile": {make: func(n *machine) string {
		n.write("pg/postmaster.pid", "1\n"+n.data+"\n")
		return ""
	}, words: holds},
	"Link":                  {link: "{data}", to: "{dir}/link", words: holds},
	"LinkWithSlash":         {link: "{data}", to: "{dir}/link/", words: holds},
	"LinkToNothing":         {link: "{dir}/none", to: "{dir}/link", words: "link to what is not there"},
	"LinkAbove":             {link: "{dir}", to: "{dir}/link/pg", words: holds},
	"TrailingSlash":         {to: "{data}///", words: holds},
	"DotDot":                {to: "{data}/base/../../etc/../pg/.", words: holds},
	"Relative":              {to: ".{data}", words: holds},
	"InsideTheCluster":      {to: "{data}/base", words: inside},
	"NewInsideTheCluster":   {to: "{data}/new", words: inside},
	"EmptyInsideTheCluster": {to: "{data}/pg_twophase", words: inside},
	"FileOfTheCluster":      {to: "{data}/PG_VERSION", words: inside},
	"BesideATablespace": {make: func(n *machine) string {
		n.run("mkdir", "-p", n.dir+"/space/PG_15_202209061")
		return n.dir + "/space/new"
	}, words: inside},
	"BesideLinkedDatabases": {make: func(n *machine) string {
		n.run("mv", n.data+"/base", n.dir+"/base")
		n.run("ln", "-s", n.dir+"/base", n.data+"/base")
		return n.dir + "/base/new"
	}, words: inside},
	"ReportOverTheCluster": {
		args: []string{"-plan", "-report", "{data}/PG_VERSION"}, to: "{dir}/new", early: true,
		words: "lies inside a cluster",
	},
	"LogIntoTheCluster": {
		args: []string{"-plan", "-log", "{data}/postgresql.conf"}, to: "{dir}/new", early: true,
		words: "lies inside a cluster",
	},
	"ReportOverAFile": {
		args: []string{"-plan", "-report", "{dir}/etc/pgbackrest.conf"}, to: "{dir}/new", early: true,
		words: "and is no report",
	},
	"AFile":      {to: "{dir}/etc/pgbackrest.conf", words: "is no directory"},
	"BelowAFile": {to: "{dir}/etc/pgbackrest.conf/pg", words: "not a directory"},
	"NoParent":   {to: "{dir}/none/pg", words: "the directory above it must exist"},
	"Root":       {to: "/", early: true, words: "lies in the data directory"},
	"TopLevel":   {to: "/var", words: "a directory of its own is needed"},
	"Socket": {make: func(n *machine) string {
		require.NoError(n.t, unix.Mkfifo(n.dir+"/fifo", 0o600))
		return n.dir + "/fifo"
	}, words: "is no directory"},
	"Letters": {to: "{data}$(x)", words: "commands would not take as it is"},
	"OneFile": {make: func(n *machine) string {
		n.emptied()
		n.write("pg/notes.txt", "do not touch")
		return ""
	}, words: `it is not empty ("notes.txt")`},
	"HiddenFile": {make: func(n *machine) string {
		n.emptied()
		n.write("pg/.keep", "")
		return ""
	}, words: `it is not empty (".keep")`},
	"LostAndFound": {make: func(n *machine) string {
		n.emptied()
		require.NoError(n.t, os.Mkdir(n.data+"/lost+found", 0o700))
		return ""
	}, words: `it is not empty ("lost+found")`},
	"LinkedWAL": {make: func(n *machine) string {
		n.emptied()
		require.NoError(n.t, os.Mkdir(n.dir+"/wal", 0o700))
		require.NoError(n.t, os.Symlink(n.dir+"/wal", n.data+"/pg_wal"))
		return ""
	}, words: `it is not empty ("pg_wal")`},
	"ResumeOtherFiles": {args: []string{"-resume"}, make: func(n *machine) string {
		n.emptied()
		n.write("pg/notes.txt", "do not touch")
		return ""
	}, words: "no restore was interrupted here"},
	"ClaimCopied": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(func(c map[string]any) { c["inode"] = 1; c["data_directory"] = "/elsewhere" })
		return ""
	}, words: "another directory than the one"},
	"ClaimOfBefore": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(nil)
		n.run("mv", n.data, n.data+".first")
		n.run("cp", "-a", n.data+".first", n.data)
		return ""
	}, words: "another directory than the one"},
	"ClaimOfAnotherCluster": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(func(c map[string]any) { c["system_identifier"] = "42" })
		return ""
	}, words: "the cluster with system identifier 42"},
	"ClaimOfAnotherSet": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(nil)
		n.write("pg/recovery.signal", "")
		require.NoError(n.t, os.Remove(n.data+"/postmaster.opts"))
		return ""
	}, words: "add -set 20260101-000000F"},
	"ClaimOverAnotherCluster": {args: []string{"-resume"}, make: func(n *machine) string {
		n.run("rm", "-r", n.data)
		n.run(n.bin+"/initdb", "--no-sync", "-U", "postgres", "-D", n.data)
		n.write("pg/recovery.signal", "")
		id := n.systemID(n.source.data())
		n.claim(func(c map[string]any) { c["system_identifier"] = id })
		return ""
	}, words: "it holds another cluster, with system identifier "},
	"ClaimOfAStartedCluster": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(func(c map[string]any) { c["step"] = node.Recovering })
		n.write("pg/recovery.signal", "")
		return ""
	}, words: "somebody has started it since (postmaster.opts)"},
	"ClaimOfAUsedCluster": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(func(c map[string]any) { c["step"] = node.Recovering })
		return ""
	}, words: "its recovery has ended since"},
	"ClaimOfARecoveredCluster": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(func(c map[string]any) { c["step"] = node.Recovered })
		return ""
	}, words: "the cluster may have been used since"},
	"ClaimOfAStandby": {args: []string{"-resume"}, make: func(n *machine) string {
		n.claim(nil)
		n.write("pg/standby.signal", "")
		return ""
	}, words: "it has become a standby since"},
	"ClaimWithoutResume": {make: func(n *machine) string {
		n.claim(nil)
		return ""
	}, words: "go on with -resume, or move the directory and"},
	"ClaimCut": {args: []string{"-resume"}, make: func(n *machine) string {
		n.write("pg.veza-restore.json", `{"step": "rec`)
		return ""
	}, words: "move it away"},
	"ClaimIsALink": {args: []string{"-resume"}, make: func(n *machine) string {
		require.NoError(n.t, os.Symlink(n.data+"/PG_VERSION", node.ClaimFile(n.data)))
		return ""
	}, words: "move it away"},
	"SomebodyElses": {make: func(n *machine) string {
		n.emptied()
		stranger := 1
		if os.Geteuid() != 0 {
			return "/var/cache/apt/archives/partial"
		}
		require.NoError(n.t, os.Chown(n.data, stranger, stranger))
		return ""
	}, words: "it belongs to "},
}

// Whatever is typed: every byte stays as it is, exit status 2, one sentence.
func TestRestore_NeverTouchesWhatIsThere(t *testing.T) {
	takesLong(t)
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		w := ways[name]
		t.Run(name, func(t *testing.T) {
			n := away(t, plain)
			n.run("cp", "-a", n.source.data(), n.data)
			to := n.place(w)
			before := n.everything()
			o := n.restore(append(n.typed(w.args), "-to", to)...)
			assert.Empty(t, changed(before, n.everything()))
			assert.Equal(t, 2, o.Exit, o.Said)
			if w.early {
				assert.Contains(t, o.Said, w.words)
				return
			}
			assert.Equal(t, reason.ConfigInvalid, o.Report.Reason, o.Said)
			assert.Contains(t, o.Report.Detail, w.words)
			assert.NotContains(t, o.Report.Detail, "\n")
		})
	}
}

// place makes what is there, and is what -to gets.
func (n *machine) place(w way) string {
	n.t.Helper()
	if w.link != "" {
		require.NoError(n.t, os.Symlink(n.typed([]string{w.link})[0], filepath.Join(n.dir, "link")))
	}
	if w.make != nil {
		return cmp.Or(w.make(n), n.data)
	}
	return cmp.Or(n.typed([]string{w.to})[0], n.data)
}

// typed are arguments with the paths of this machine.
func (n *machine) typed(args []string) (list []string) {
	for _, arg := range args {
		list = append(list, strings.NewReplacer("{data}", n.data, "{dir}", n.dir).Replace(arg))
	}
	return list
}

// everything is what lies on a machine, but for what the programs say while they look.
func (n *machine) everything() map[string]string {
	n.t.Helper()
	found := trees(n.t, n.dir)
	maps.DeleteFunc(found, func(path, _ string) bool {
		rest := strings.TrimPrefix(path, n.dir+"/")
		return slices.Contains([]string{"tmp", "log", "lock", "spool"}, strings.SplitN(rest, "/", 2)[0])
	})
	return found
}

// postmaster is the server that works in the data directory.
func (n *machine) postmaster() (pid int) {
	n.t.Helper()
	content, err := os.ReadFile(filepath.Join(n.data, "postmaster.pid"))
	require.NoError(n.t, err)
	_, err = fmt.Sscan(string(content), &pid)
	require.NoError(n.t, err)
	return pid
}

// write makes a file of the user who runs PostgreSQL.
func (n *machine) write(name, text string) {
	n.t.Helper()
	require.NoError(n.t, os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o600))
	require.NoError(n.t, give(filepath.Join(n.dir, name)))
}

// emptied is a data directory from which the cluster was moved away.
func (n *machine) emptied() {
	n.t.Helper()
	n.run("mv", n.data, n.data+".away")
	require.NoError(n.t, os.Mkdir(n.data, 0o700))
	require.NoError(n.t, give(n.data))
}

// claim leaves the mark of a restore that was killed, about the directory that is there; change makes it another one.
func (n *machine) claim(change func(map[string]any)) {
	n.t.Helper()
	info, err := os.Stat(n.data)
	require.NoError(n.t, err)
	stat, _ := info.Sys().(*syscall.Stat_t)
	c := map[string]any{
		"data_directory": n.data, "stanza": stanza, "set": "20260101-000000F", "system_identifier": n.systemID(n.data),
		"step": node.Restoring, "inode": stat.Ino, "begun": "2026-01-01T00:00:00Z",
	}
	if change != nil {
		change(c)
	}
	content, err := json.Marshal(c)
	require.NoError(n.t, err)
	n.write("pg.veza-restore.json", string(content))
}

// systemID is the system identifier of a stopped cluster.
func (n *machine) systemID(data string) string {
	n.t.Helper()
	for line := range strings.Lines(n.run(n.bin+"/pg_controldata", data)) {
		if name, value, _ := strings.Cut(line, ":"); name == "Database system identifier" {
			return strings.TrimSpace(value)
		}
	}
	n.t.Fatal("pg_controldata says no system identifier")
	return ""
}
