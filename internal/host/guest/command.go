package guest

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"veza.fr/recovery/internal/host"
)

// markName is the environment variable that every command carries, and with it all its
// descendants: wherever they go they are found by it.
const markName = "VEZA_SCRATCH"

// standardPath is where programs are looked for.
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment is all a command inherits: nothing of PG* or PGBACKREST_*, which would change
// what pgbackrest reads (facts A2: the environment goes before the file).
func Environment(user Account, added []string, mark string) map[string]string {
	env := map[string]string{
		"PATH": standardPath, "HOME": user.Home, "USER": user.Name, "LOGNAME": user.Name,
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

// sink keeps what is written to it and hands it on, until it is taken; when whoever it is
// handed to fails, it still keeps.
type sink struct {
	to io.Writer // nil: nobody

	mu      sync.Mutex
	kept    bytes.Buffer
	taken   bool
	failure error
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	handOn := s.to != nil && s.failure == nil && !s.taken
	if !s.taken {
		s.kept.Write(b)
	}
	s.mu.Unlock()
	if handOn { // without the lock: a slow reader must not hold up take
		if _, err := s.to.Write(b); err != nil {
			s.mu.Lock()
			s.failure = err
			s.mu.Unlock()
		}
	}
	return len(b), nil
}

// take ends the keeping and returns what was kept.
func (s *sink) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = true
	return s.kept.Bytes()
}

// failed is what whoever it was handed to said.
func (s *sink) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}
