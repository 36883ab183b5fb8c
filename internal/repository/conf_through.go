package repository

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
)

// ways are the options that say how the store of a repository is reached and trusted, without their repoN-.
var ways = []string{
	"storage-host", "storage-port", "storage-ca-file", "storage-ca-path", "storage-verify-tls",
}

// Through is the conf, conf.d included, with other options for a repository: they are set for every stanza and
// command, and what was said of them, and of the way to the store, is left out wherever it stood. Options are named
// without their repoN-.
func (c Conf) Through(key int, options map[string]string) []byte {
	repo := fmt.Sprintf("repo%d-", key)
	var text strings.Builder
	for _, content := range c.parts() {
		for line := range strings.Lines(string(content)) {
			option, _, found := strings.Cut(strings.Trim(line, " \t\r\n"), "=")
			name, of := strings.CutPrefix(pgbackrest.NameOf(strings.TrimSpace(option)), repo)
			_, replaced := options[name]
			if found && of && (replaced || slices.Contains(ways, name)) {
				continue
			}
			text.WriteString(strings.TrimRight(line, "\n") + "\n")
		}
	}
	text.WriteString("\n[global]\n")
	for _, name := range slices.Sorted(maps.Keys(options)) {
		fmt.Fprintf(&text, "%s%s=%s\n", repo, name, options[name])
	}
	return []byte(text.String())
}

// parts are the files of the conf in the order pgBackRest reads them, as if they were one.
func (c Conf) parts() [][]byte {
	list := [][]byte{c.content}
	for _, name := range c.included() {
		list = append(list, c.include[filepath.Base(name)])
	}
	return list
}
