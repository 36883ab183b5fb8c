package pgbackrest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// Faults count the files verify found wrong, by what is wrong with them.
type Faults struct {
	Missing, ChecksumInvalid, SizeInvalid, Other int
}

func (f Faults) String() string {
	return fmt.Sprintf("%d missing, %d with a wrong checksum, %d of a wrong size, %d otherwise", f.Missing,
		f.ChecksumInvalid, f.SizeInvalid, f.Other)
}

// Verified is what verify says of one archive id or of one backup set.
type Verified struct {
	Name         string // 15-1, or a label
	Status       string // of a backup: valid, invalid, in-progress, manifest missing
	Total, Valid int    // WAL segments, or files
	Faults
}

// Verification is the answer of `verify --output=text --verbose`.
type Verification struct {
	Stanza, Status string
	Archives       []Verified
	Backups        []Verified
	Errors         []string // what kept verify itself from looking
}

// StatusValid is that of a backup set of which every file is as it should be.
const StatusValid = "valid"

// Verify has pgBackRest read every file of the repository. It takes as long as that
// takes, and ctx bounds it. The exit status says nothing (facts A4).
func (c *Client) Verify(ctx context.Context) (Verification, error) {
	argv := append(c.common("verify"), "--output=text", "--verbose")
	result, err := c.Host.Run(ctx, host.Command{Argv: argv, Env: slices.Concat(c.Patience, c.Identity)})
	if failed, ok := errors.AsType[*Error](newError("verify", err, c.places()...)); ok && failed.Killed() {
		return Verification{}, reason.Errorf(reason.SandboxFailed, "pgbackrest verify was killed from outside: %w",
			failed)
	}
	if err != nil {
		return Verification{}, newError("verify", err, c.places()...)
	}
	if said := messages(host.Result{Stderr: result.Stderr}); len(said) > 0 {
		if why, known := Classify(0, strings.Join(said, "\n")); known {
			return Verification{}, reason.Errorf(why, "pgbackrest verify: %s", strings.Join(said, "; "))
		}
	}
	v, err := ParseVerify(answer(result.Stdout))
	if err != nil {
		// Another version's words say nothing of the repository.
		return v, reason.Errorf(reason.VersionMismatch, "%w", err)
	}
	return v, nil
}

// Lines of the answer, as pgBackRest 2.45 prints them.
var (
	archiveLine = regexp.MustCompile(
		`^  archiveId: ([0-9.]+-[0-9]+), total WAL checked: ([0-9]+), total valid WAL: ([0-9]+)$`,
	)
	backupLine = regexp.MustCompile(
		`^  backup: ([0-9A-Z_-]+), status: ([a-z -]+), total files checked: ([0-9]+), total valid files: ([0-9]+)$`,
	)
	faultsLine = regexp.MustCompile(
		`^    missing: ([0-9]+), checksum invalid: ([0-9]+), size invalid: ([0-9]+), other: ([0-9]+)$`,
	)
	errorLine = regexp.MustCompile(`^ {2,4}((?:No usable|no archives or backups) .*)$`)
	noneLine  = regexp.MustCompile(`^  (?:archiveId|backup): none found$`)
)

// looked is how many archives and backups verify came to.
func (v Verification) looked() int { return len(v.Archives) + len(v.Backups) }

// ParseVerify reads the answer of verify. A line that is none of those it knows is an
// error: what is not understood is no pass. Between a status of error and whatever it looked at stands, not indented,
// how the info files contradict each other (verifyProcess in src/command/verify/verify.c).
func ParseVerify(output []byte) (v Verification, err error) {
	var last *Verified // whose faults come next
	for line := range strings.Lines(string(output)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		stanza, isStanza := strings.CutPrefix(line, "stanza: ")
		status, isStatus := strings.CutPrefix(line, "status: ")
		switch m := match(line); {
		case isStanza && v.Stanza == "":
			v.Stanza = stanza
		case isStatus && v.Status == "":
			v.Status = status
		case m.archive != nil:
			v.Archives = append(v.Archives,
				Verified{Name: m.archive[1], Total: number(m.archive[2]), Valid: number(m.archive[3])})
			last = &v.Archives[len(v.Archives)-1]
		case m.backup != nil:
			v.Backups = append(v.Backups, Verified{
				Name: m.backup[1], Status: m.backup[2], Total: number(m.backup[3]), Valid: number(m.backup[4]),
			})
			last = &v.Backups[len(v.Backups)-1]
		case m.faults != nil && last != nil:
			last.Faults = Faults{number(m.faults[1]), number(m.faults[2]), number(m.faults[3]), number(m.faults[4])}
			last = nil
		case m.trouble != nil:
			v.Errors = append(v.Errors, m.trouble[1])
		case noneLine.MatchString(line):
		case v.Status == "error" && v.looked() == 0 && !strings.HasPrefix(line, " "):
			v.Errors = append(v.Errors, line)
		default:
			return v, fmt.Errorf("the answer of pgbackrest verify is not understood: %q", Printable(line))
		}
	}
	if v.Stanza == "" || v.Status != "ok" && v.Status != "error" {
		return v, fmt.Errorf("the answer of pgbackrest verify names no stanza and status: %q",
			Printable(string(output)))
	}
	return v, nil
}

// matches are the parts of a line, by what it is.
type matches struct{ archive, backup, faults, trouble []string }

func match(line string) matches {
	return matches{
		archiveLine.FindStringSubmatch(line), backupLine.FindStringSubmatch(line),
		faultsLine.FindStringSubmatch(line), errorLine.FindStringSubmatch(line),
	}
}

// number reads digits; more of them than an int holds are -1, which is never a good count.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

// Problems are sentences that name what is wrong with the archives and with the backups
// that are listed; of others (one that is being taken, or was half expired) there are
// notes. A backup without a manifest does not touch the status: each is looked at.
func (v Verification) Problems(listed []string) (problems, notes []string) {
	problems = append(problems, v.Errors...)
	for _, a := range v.Archives {
		if a.Valid != a.Total || a.Faults != (Faults{}) {
			problems = append(problems,
				fmt.Sprintf("archive %s: %d of %d WAL segments are good: %s", a.Name, a.Valid, a.Total, a.Faults))
		}
	}
	seen := map[string]bool{}
	for _, b := range v.Backups {
		seen[b.Name] = true
	}
	for _, label := range listed {
		if !seen[label] {
			problems = append(problems, fmt.Sprintf("backup %s is listed, and verify found nothing of it", label))
		}
	}
	for _, b := range v.Backups {
		sentence := fmt.Sprintf("backup %s is %s: %d of %d files are good: %s", b.Name, b.Status, b.Valid, b.Total,
			b.Faults)
		switch {
		case b.Status == StatusValid && b.Valid == b.Total && b.Total > 0 && b.Faults == (Faults{}):
		case slices.Contains(listed, b.Name):
			problems = append(problems, sentence)
		default:
			notes = append(notes, sentence+"; info does not list it")
		}
	}
	if v.Status != "ok" && len(problems)+len(notes) == 0 {
		problems = append(problems, "its status is "+v.Status+", and it names nothing")
	}
	return problems, notes
}

// Vanished are the segments that were gone when verify came to read them, having listed them itself, where nothing else
// is wrong: an expire that is at work takes them, and so does whoever else deletes. 0 where anything else is. A segment
// that was gone before is not listed, and never counted (facts A4).
func (v Verification) Vanished(listed []string) (segments int) {
	rest := v
	rest.Status, rest.Archives = "ok", nil
	for _, a := range v.Archives {
		if a.Missing > 0 && a.Faults == (Faults{Missing: a.Missing}) && a.Valid+a.Missing == a.Total {
			segments += a.Missing
			continue
		}
		rest.Archives = append(rest.Archives, a)
	}
	if problems, _ := rest.Problems(listed); len(problems) > 0 {
		return 0
	}
	return segments
}

// Files are how many segments and files were read, of the archives and of the backups that
// are listed, and how many of them are not as they should be.
func (v Verification) Files(listed []string) (read, wrong int) {
	for _, of := range v.Archives {
		read, wrong = read+of.Total, wrong+of.Total-of.Valid
	}
	for _, of := range v.Backups {
		if slices.Contains(listed, of.Name) {
			read, wrong = read+of.Total, wrong+of.Total-of.Valid
		}
	}
	return read, wrong
}
