package incus

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"

	"veza.fr/recovery/internal/host"
)

// markName is the environment variable that every command carries, and with it all its
// descendants: wherever they go they are found by it.
const markName = "VEZA_SCRATCH"

// standardPath is where programs are looked for.
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is all a command inherits: nothing of PG* or PGBACKREST_*, which would change
// what pgbackrest reads (facts A2: the environment goes before the file).
func environment(user account, added []string, mark string) map[string]string {
	env := map[string]string{
		"PATH": standardPath, "HOME": user.home, "USER": user.name, "LOGNAME": user.name,
		"LANG": "C", "LC_ALL": "C", "TZ": "UTC",
	}
	for _, entry := range added {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	if mark != "" {
		env[markName] = mark
	}
	return env
}

// notStarted is why a program was not started, nil when it was: run.pl says it with the mark.
func notStarted(program, mark string, stderr []byte) error {
	said, ok := strings.CutPrefix(string(stderr), mark+" ")
	if !ok {
		return nil
	}
	number, text, _ := strings.Cut(strings.TrimSpace(said), " ")
	errno, err := strconv.Atoi(number)
	if err != nil {
		return nil //nolint:nilerr // not what run.pl says
	}
	if syscall.Errno(errno) == syscall.ENOENT && strings.HasPrefix(text, "program ") {
		return fmt.Errorf("%s: %w", program, host.ErrNotFound)
	}
	return fmt.Errorf("%s: %s: %w", program, text, syscall.Errno(errno))
}

// tee keeps what is written and hands it on; when the other side fails it still keeps.
type tee struct {
	to      io.Writer
	kept    *bytes.Buffer
	failure error
}

func (t *tee) Write(b []byte) (int, error) {
	if t.to != nil && t.failure == nil {
		_, t.failure = t.to.Write(b)
	}
	return t.kept.Write(b)
}
