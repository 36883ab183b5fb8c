package pgbackrest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// restoreOptions are those of a conf that make a plain restore bring back less than the drill proves; the
// drill takes all of them away. pgBackRest reads the ones that are ignored from the command line alone, and
// warns (its config.yaml, command-role and section): whoever wrote them counts on what does not happen.
var restoreOptions = []struct {
	name     string
	harmless []string
	loses    bool
	plain    string // what a plain restore does
}{
	{"db-include", nil, true, "only the databases it names come back, the others as empty files"},
	{"db-exclude", nil, true, "the databases it names come back as empty files"},
	{"type", []string{"default"}, true, ignored},
	{"target", nil, true, ignored},
	{"target-action", nil, true, ignored},
	{"target-exclusive", []string{"n"}, true, ignored},
	{"target-timeline", []string{"latest"}, true, ignored},
	{"set", []string{"latest"}, true, ignored},
	{"archive-mode", []string{"preserve"}, false, "the restored cluster does not archive"},
	{"recovery-option", nil, true, ""}, // by what it sets: see losing
}

const ignored = "pgBackRest ignores it, and takes it on the command line alone"

// losing are settings that recovery-option gives, and that end recovery early or elsewhere, or have it pass over
// damage. A name that ends in * stands for all that begin so.
var losing = map[string]string{
	"recovery_target*":         "recovery stops there",
	"recovery_min_apply_delay": "recovery waits until each commit is so old",
	"restore_command":          "WAL comes from elsewhere than this repository",
	"standby_mode":             "PostgreSQL has no such setting since version 12, and does not start",
	"recovery_end_command":     "a command runs at the end of recovery",
	"archive_cleanup_command":  "a command removes segments while recovery goes on",
	"ignore_invalid_pages":     "WAL for pages that are missing is passed over",
	"zero_damaged_pages":       "a damaged page is read as an empty one",
	"ignore_checksum_failure":  "a page that fails its checksum is read all the same",
}

// RestoreOption is a line of a conf that changes what a plain restore brings back.
type RestoreOption struct {
	Line
	Plain string // what that does
	Loses bool   // databases or moments: it is no mere difference
}

func (o RestoreOption) String() string {
	return fmt.Sprintf("%s: %s=%s: after a plain restore: %s", o.Place(), o.Option, o.Value, o.Plain)
}

// RestoreOptions are the lines of a conf that restore reads and the drill does not obey.
func (c *Config) RestoreOptions(stanza string) (list []RestoreOption) {
	for _, o := range restoreOptions {
		for _, line := range c.Lines(stanza, "restore", o.name) {
			found := RestoreOption{Line: line, Plain: o.plain, Loses: o.loses}
			if o.name == "recovery-option" {
				found.Plain = lostBy(line.Value)
			}
			if found.Plain != "" && line.Value != "" && !slices.Contains(o.harmless, line.Value) {
				list = append(list, found)
			}
		}
	}
	return list
}

// isOff is a value of a setting that does nothing: a boolean or a delay.
var isOff = regexp.MustCompile(`(?i)^(off|false|no|n|f|0+ *(us|ms|s|min|h|d)?)$`)

// lostBy says what a recovery-option costs, "" for nothing. pgBackRest takes dashes in a name for underscores
// (restoreRecoveryOption).
func lostBy(option string) string {
	name, value, _ := strings.Cut(option, "=")
	name, value = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "_"), strings.TrimSpace(value)
	if name == "recovery_target_timeline" && value == "latest" ||
		name == "recovery_target_action" || name == "recovery_target_inclusive" || value == "" ||
		!strings.HasPrefix(name, "recovery_target") && isOff.MatchString(value) {
		return ""
	}
	for pattern, plain := range losing {
		if before, all := strings.CutSuffix(pattern, "*"); name == pattern || all && strings.HasPrefix(name, before) {
			return plain
		}
	}
	return ""
}
