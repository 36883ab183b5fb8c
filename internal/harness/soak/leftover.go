package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// leftovers names what a drill that has ended left in its TMPDIR, and the processes
// that were started with it.
func leftovers(tmp string) ([]string, error) {
	var list []string
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".lock") {
			continue // an empty file that stays by design: taking it away would let two hold it
		}
		list = append(list, filepath.Join(tmp, entry.Name()))
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		environ, _ := os.ReadFile(filepath.Join(process, "environ")) // it may be gone
		cmdline, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		if bytes.Contains(environ, []byte("TMPDIR="+tmp+"\x00")) || bytes.Contains(cmdline, []byte(tmp+"/")) {
			list = append(list,
				fmt.Sprintf("process %s: %s", filepath.Base(process), strings.ReplaceAll(string(cmdline), "\x00", " ")))
		}
	}
	return list, err
}
