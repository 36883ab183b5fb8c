package wal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Switch is the end of a timeline: where the next one forked off it.
type Switch struct {
	Timeline uint32 // the timeline that ended
	At       LSN    // first position that belongs to its successor
}

var historyName = regexp.MustCompile(`^([0-9A-F]{8})\.history$`)

// ParseHistoryName reads the timeline out of a history file's name, 00000002.history.
func ParseHistoryName(name string) (timeline uint32, ok bool) {
	match := historyName.FindStringSubmatch(name)
	if match == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(match[1], 16, 32)
	return uint32(n), err == nil && n > 1
}

// HistoryName is the file name of a timeline's history.
func HistoryName(timeline uint32) string { return fmt.Sprintf("%08X.history", timeline) }

// ParseHistory reads a history file: a line an ancestor, oldest first, its
// timeline, the position where it was left, and a comment. The rules are those of
// PostgreSQL's readTimeLineHistory: timelines must grow, positions need not (a recovery
// that found no segment of its timeline leaves it before the place it began).
func ParseHistory(content string) ([]Switch, error) {
	var switches []Switch
	for number, line := range strings.Split(content, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		next, err := parseSwitch(fields)
		if err != nil {
			return nil, fmt.Errorf("history file, line %d: %w", number+1, err)
		}
		if n := len(switches); n > 0 && next.Timeline <= switches[n-1].Timeline {
			return nil, fmt.Errorf("history file, line %d: timeline %d does not follow timeline %d", number+1,
				next.Timeline, switches[n-1].Timeline)
		}
		switches = append(switches, next)
	}
	if len(switches) == 0 {
		return nil, fmt.Errorf("history file: it names no ancestor")
	}
	return switches, nil
}

func parseSwitch(fields []string) (Switch, error) {
	timeline, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil || timeline == 0 {
		return Switch{}, fmt.Errorf("%q is no timeline", fields[0])
	}
	if len(fields) < 2 {
		return Switch{}, fmt.Errorf("no switch point after timeline %d", timeline)
	}
	at, err := ParseLSN(fields[1])
	return Switch{Timeline: uint32(timeline), At: at}, err
}
