package node

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A restore that was killed leaves its pgBackRest at work. The next run ends what lies in its own TMPDIR alone, and
// each has a lock-path of its own, so that nothing keeps two of them from writing into one directory.

// pgbackrestProgram is how the kernel calls it, and a script that stands for it.
const pgbackrestProgram = "pgbackrest"

// restoreInto is the process of a pgBackRest whose command line says that it restores into a directory; 0 is none. proc
// is where processes are seen.
func restoreInto(proc, dir string) int {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return 0 // said already: the server was looked for there
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		process := filepath.Join(proc, entry.Name())
		name, _ := os.ReadFile(filepath.Join(process, "comm")) // of one that has ended there is none
		if strings.TrimSpace(string(name)) != pgbackrestProgram {
			continue
		}
		if line, _ := os.ReadFile(filepath.Join(process, "cmdline")); restores(string(line), dir) {
			return pid
		}
	}
	return 0
}

// restores says whether a command line of pgBackRest, or of a process of its own (restore:local), restores into a
// directory.
func restores(line, dir string) bool {
	restore, into := false, false
	for argument := range strings.SplitSeq(line, "\x00") {
		restore = restore || argument == "restore" || strings.HasPrefix(argument, "restore:")
		path, named := strings.CutPrefix(argument, "--pg1-path=")
		into = into || named && Resolved(path) == dir
	}
	return restore && into
}
