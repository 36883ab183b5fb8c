package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// Refusal is a setting that was taken over and that PostgreSQL would not start with here.
type Refusal struct {
	Setting
	Says string // PostgreSQL's words
}

func (r Refusal) String() string {
	return fmt.Sprintf("%s:%d: %s = %s is not in the sandbox, this machine refuses it: %s",
		r.File, r.Line, r.Name, quoted(r.Value), r.Says)
}

// mostTries bounds the starts. PostgreSQL names all values it refuses at once, but one kind at a
// time: names it does not know, values that are none, then what does not go together.
const mostTries = 8

// refused are the settings taken over that PostgreSQL named when it did not start. Nothing is
// refused once replay has begun: then it is the data that speaks.
func (s *Server) refused(ctx context.Context) []Refusal {
	content, token, err := s.logOfStart(ctx)
	if err != nil || !ParseLog(content, token).RedoStart.IsZero() {
		return nil
	}
	return refusals(content, s.taken)
}

// noMemory is how PostgreSQL says that it does not get the memory it asks for at its start (sysv_shmem.c).
var noMemory = regexp.MustCompile(`could not map anonymous shared memory: Cannot allocate memory`)

// lowered asks for the least memory for pages from now on, when this machine refused what its size allows: a limit
// on what may be promised (vm.overcommit_memory) is no limit on what is there.
func (s *Server) lowered(ctx context.Context) bool {
	if buffers(s.memory) == leastBuffers {
		return false
	}
	content, _, err := s.logOfStart(ctx)
	said := noMemory.FindString(content)
	if err != nil || said == "" {
		return false
	}
	s.memory, s.Lowered = 0, fmt.Sprintf("shared_buffers = %s was refused by this machine (%s), %s is in its place: "+
		"the replay is slower", megabytes(buffers(s.memory)), said, megabytes(leastBuffers))
	return true
}

// smaller says that a machine has less memory for pages than production's node, which counts where it is less than
// three quarters: what a machine has at the moment is never all of it.
func smaller(here, node int64) string {
	if 4*buffers(here) >= 3*buffers(node) {
		return ""
	}
	return fmt.Sprintf("shared_buffers = %s for the replay, and production's node would have %s: the replay may be "+
		"slower than there (-memory, in Incus and Docker)", megabytes(buffers(here)), megabytes(buffers(node)))
}

// wordsOfServer cuts what stands before the words of a log line off, whatever log_line_prefix is.
var wordsOfServer = regexp.MustCompile(`\b(?:LOG|WARNING|ERROR|FATAL|PANIC|HINT|DETAIL):\s+(.*)$`)

// quotedName is a setting as PostgreSQL's messages name it; its messages write DateStyle and TimeZone so.
var quotedName = regexp.MustCompile(`"([A-Za-z_][A-Za-z0-9_.$]*)"`)

// refusals reads which settings a server log names, with the words about the first of each.
func refusals(content string, taken []Setting) (list []Refusal) {
	seen := map[string]bool{}
	for _, line := range strings.Split(content, "\n") {
		words := wordsOfServer.FindStringSubmatch(line)
		if words == nil {
			continue
		}
		for _, match := range quotedName.FindAllStringSubmatch(words[1], -1) {
			name := strings.ToLower(match[1])
			for _, s := range taken {
				if s.Name == name && !seen[name] {
					seen[name] = true
					list = append(list, Refusal{s, cutLine(words[1])})
				}
			}
		}
	}
	return list
}

// without are the settings that were not refused.
func without(settings []Setting, refused []Refusal) (list []Setting) {
	gone := map[string]bool{}
	for _, r := range refused {
		gone[r.Name] = true
	}
	for _, s := range settings {
		if !gone[s.Name] {
			list = append(list, s)
		}
	}
	return list
}
