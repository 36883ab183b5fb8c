package restore

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/version"
)

// Where the log goes when nobody says.
const (
	logDirectory = "/var/log/pgbackrest" // where pgBackRest's own lie
	logName      = program + ".log"
)

// logFile is an open log.
type logFile struct {
	Path string
	File *os.File
}

// openLog opens the log at the end, at the first place that takes it: that of -log alone, else
// pgBackRest's directory, the report's, the one for temporary files. One file takes all attempts.
func openLog(a asked) (*logFile, error) {
	var failed error
	for _, path := range a.places() {
		log, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, 0o640)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		return &logFile{path, log}, begin(log, a)
	}
	return nil, fmt.Errorf("cannot write a log, -log names another place: %s",
		strings.ReplaceAll(failed.Error(), "\n", "; "))
}

// places are those of the log, the best first.
func (a asked) places() (paths []string) {
	if a.log != "" {
		return []string{a.log}
	}
	directories := []string{logDirectory, os.TempDir()}
	if a.report != "" {
		directories = []string{logDirectory, filepath.Dir(a.report), os.TempDir()}
	}
	for _, directory := range directories {
		paths = append(paths, filepath.Join(directory, logName))
	}
	return paths
}

// begin begins the log of one attempt. The command line is not in it: a value may be a secret that
// was typed in the wrong place.
func begin(log *os.File, a asked) error {
	var build strings.Builder
	version.Print(&build, program)
	_, err := fmt.Fprintf(log, "%s ---- %s; to %s, stanza %s, set %s\n", time.Now().UTC().Format(time.RFC3339),
		strings.TrimSpace(build.String()), a.wanted.To, cmp.Or(a.settings.Stanza, "by the conf"), a.settings.Set)
	if err != nil {
		return fmt.Errorf("cannot write the log: %w", err)
	}
	return nil
}
