package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// hostsFile is how this machine resolves the names of the nodes.
const hostsFile = "/etc/hosts"

// mark stands in everything the lab writes on this machine: what has it may be removed,
// what has it not is somebody else's.
const mark = "# veza-lab: made by make lab-up, removed by make lab-down"

// marked says whether a content is the lab's own.
func marked(content []byte) bool { return strings.Contains(string(content), mark) }

// withHosts is the content of a hosts file with exactly these lines of the lab's in it.
// Every other line stays as it is, byte for byte.
func withHosts(content string, lines []string) string {
	var kept strings.Builder
	for line := range strings.Lines(content) {
		if !strings.Contains(line, mark) {
			kept.WriteString(line)
		}
	}
	if len(lines) > 0 && kept.Len() > 0 && !strings.HasSuffix(kept.String(), "\n") {
		kept.WriteByte('\n')
	}
	for _, line := range lines {
		kept.WriteString(line + " " + mark + "\n")
	}
	return kept.String()
}

// setHosts rewrites a hosts file; it says whether there was anything to change.
func setHosts(file string, lines []string) (changed bool, err error) {
	file, err = filepath.EvalSymlinks(file)
	if err != nil {
		return false, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	wanted := withHosts(string(content), lines)
	if wanted == string(content) {
		return false, nil
	}
	if err := renameio.WriteFile(file, []byte(wanted), 0o644,
		renameio.WithTempDir(filepath.Dir(file)), renameio.WithExistingPermissions(),
	); err != nil {
		return false, fmt.Errorf("name the lab's nodes in %s: %w", file, err)
	}
	return true, nil
}
