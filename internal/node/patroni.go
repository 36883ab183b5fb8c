package node

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Patroni starts PostgreSQL by itself as soon as a data directory has a cluster in it, fills one that is empty from the
// leader, and may remove one that does not fit. Its configuration says which it keeps, as a file or a directory of
// files that its command line names, or by its environment.
const (
	patroniProgram     = "patroni"
	patroniEnvironment = "PATRONI_POSTGRESQL_DATA_DIR="
	// patroniState is the file that it leaves in a data directory; it is in the backups.
	patroniState = "patroni.dynamic.json"
)

// dataDir is the setting in a configuration of Patroni, in block or flow style.
var dataDir = regexp.MustCompile(`(?m)^[^#\n]*\bdata_dir["']?:[ \t]*["']?([^"'\s,}#]+)`)

// patroniOf is the process of a Patroni that keeps a data directory; 0 is none. proc is where processes are seen.
func patroniOf(proc, dir string) int {
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
		if strings.TrimSpace(string(name)) == patroniProgram && patroniKeeps(process, dir) {
			return pid
		}
	}
	return 0
}

// patroniKeeps says whether a process of Patroni keeps a data directory, as far as that can be read.
func patroniKeeps(process, dir string) bool {
	environment, _ := os.ReadFile(filepath.Join(process, "environ"))
	for setting := range strings.SplitSeq(string(environment), "\x00") {
		if named, ok := strings.CutPrefix(setting, patroniEnvironment); ok && Resolved(named) == dir {
			return true
		}
	}
	arguments, _ := os.ReadFile(filepath.Join(process, "cmdline"))
	for argument := range strings.SplitSeq(string(arguments), "\x00") {
		if argument == "" { // behind the last one
			continue
		}
		if !filepath.IsAbs(argument) {
			argument = filepath.Join(process, "cwd", argument)
		}
		if !strings.HasSuffix(argument, ".yml") && !strings.HasSuffix(argument, ".yaml") {
			files, _ := filepath.Glob(filepath.Join(argument, "*.y*ml"))
			for _, file := range files {
				if configures(file, dir) {
					return true
				}
			}
			continue
		}
		if configures(argument, dir) {
			return true
		}
	}
	return false
}

// configures says whether a configuration file of Patroni names a data directory.
func configures(file, dir string) bool {
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for _, named := range dataDir.FindAllSubmatch(content, -1) {
		if Resolved(string(named[1])) == dir {
			return true
		}
	}
	return false
}
