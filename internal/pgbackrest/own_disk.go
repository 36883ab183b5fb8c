package pgbackrest

import (
	"regexp"
	"slices"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// kernelSaid is an error line that ends with what the kernel said (THROW_SYS_ERROR in src/common/error/error.h): of
// the command itself, of a worker on the same machine, or of an archive-get, which names the file of the repository
// first (archiveGetFile in src/command/archive/get/file.c). A name is always quoted, so none can be its end.
var kernelSaid = regexp.MustCompile(`^ERROR: \[\d{3}\]:? (?:raised from local-\d+ \w+(?: \w+)?: )?` +
	`(?:unable to get [\w.]+: repo\d+: \S+ \[\w+\] )?unable to (.*): (?:\[\d+\] )?([A-Z][\w /-]*)$`)

var (
	ownFile    = regexp.MustCompile(`^[a-z0-9/ ]+'([^']*)`) // the first one that is named
	diskFailed = regexp.MustCompile(`^(?:` + host.DiskFailed + `)$`)
	mostFiles  = regexp.MustCompile(`^(?:` + host.MostFiles + `)$`)
	getFailed  = regexp.MustCompile(`unable to get [\w.]+:$`)
	retried    = regexp.MustCompile(` \[\w+\] on retry .*`)
)

// Own says whether an error line is of a file below one of some places, which are the machine's own and none of the
// repository's, and what that means: sandbox_failed where the disk of that machine failed, and "" where the file may
// not be used. That depends on the modes that were restored; no store has refused anything, though the words are the
// same. A machine that opens no more files fails whatever the file was.
func Own(line string, places []string) (why reason.Reason, own bool) {
	found := kernelSaid.FindStringSubmatch(line)
	if found == nil {
		return "", false
	}
	file, said := ownFile.FindStringSubmatch(found[1]), found[2]
	switch own = file != nil && host.Below(file[1], places); {
	case own && diskFailed.MatchString(said), mostFiles.MatchString(said):
		return reason.SandboxFailed, true
	}
	return "", own && said == "Permission denied"
}

// saidLine is the line that says why a command failed; "" is none. An archive-get names the segment in a line before.
func saidLine(lines []string) string {
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "ERROR: ") })
	switch {
	case at < 0:
		return ""
	case getFailed.MatchString(lines[at]) && at+1 < len(lines):
		return lines[at] + " " + lines[at+1]
	}
	return lines[at]
}

// WithoutRetries is an error of archive-get that was put into one line, without what it says of the next tries.
func WithoutRetries(line string) string { return retried.ReplaceAllString(line, "") }

// places are those of the machine that a command has to itself; a conf's own of them are not known here.
func (c *Client) places() []string { return []string{c.Data, c.Lock, c.Log, c.Spool} }
