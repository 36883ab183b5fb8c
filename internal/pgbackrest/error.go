package pgbackrest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// Error is a pgbackrest command that failed.
type Error struct {
	Command string
	Code    int      // exit status; facts A5 lists them
	Lines   []string // its WARN, ERROR and HINT lines, readable

	here bool // it is about a file of this machine: see Own
}

func (e *Error) Error() string {
	if len(e.Lines) == 0 {
		return fmt.Sprintf("pgbackrest %s: exit status %d", e.Command, e.Code)
	}
	return fmt.Sprintf("pgbackrest %s: %s", e.Command, strings.Join(e.Lines, "; "))
}

// newError turns a host's error into one with a reason where the reason does not
// depend on what was asked: a missing program, a failed disk below the machine's own places, and what Classify knows.
func newError(command string, err error, places ...string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, host.ErrNotFound) {
		return reason.Errorf(reason.ToolMissing, "%w: install it with: apt-get install pgbackrest", err)
	}
	exit, ok := errors.AsType[*host.ExitError](err)
	if !ok {
		return err
	}
	failed := &Error{Command: command, Code: exit.Code, Lines: messages(exit.Result)}
	why, here := Own(saidLine(failed.Lines), places)
	if why != "" {
		return reason.Errorf(why, "%w: this is of the machine that pgBackRest runs on, not of the repository", failed)
	}
	if failed.here = here; here {
		return failed
	}
	if why, ok = Classify(failed.Code, strings.Join(failed.Lines, "\n")); ok {
		return &reason.Error{Reason: why, Err: failed}
	}
	return failed
}

const maxLine = 300 // bytes of one message; a failed decryption prints whole files

// messages are the lines pgBackRest printed, printable and bounded.
func messages(result host.Result) []string {
	var lines []string
	for _, output := range [][]byte{result.Stderr, result.Stdout} {
		for _, line := range strings.Split(strings.ToValidUTF8(string(output), "?"), "\n") {
			if line = Printable(line); line != "" {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) > 12 {
		lines = lines[:12]
	}
	return lines
}

// Printable cuts text to one bounded line of printable characters.
func Printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "..." + storeCode.FindString(text[maxLine:])
	}
	return text
}

// storeCode is the word S3 has for an error; it comes after all headers.
var storeCode = regexp.MustCompile(`<Code>\w{1,60}</Code>`)

// rule maps words of pgBackRest's messages to a reason.
type rule struct {
	words *regexp.Regexp
	why   reason.Reason
}

// rules are tried in order. One failure prints several lines (75 is the exit
// status of everything that kept backup.info from being read, facts A5), so the
// words decide before the status does.
var rules = []rule{
	{regexp.MustCompile(`(?i)no space left on device|disk quota exceeded`), reason.DiskSpace},
	// What the drill writes it writes to its own disk; 2.45 does not always say why it cannot.
	{regexp.MustCompile(`FileWriteError|FileSyncError|\[064\]|unable to (write|sync) '`), reason.DiskSpace},
	// Before 2.60 it asks for the next page of versions by a word that lists of versions do not have
	// (storageS3ListInternal): the past of a directory with more than a page of them cannot be read.
	{manyVersions, reason.VersionMismatch},
	{hostFiles, reason.UntrustedCertificate},
	{ownFiles, reason.ConfigInvalid},
	{greeting, reason.VersionMismatch},
	// A store refuses, with 403, what is dated more than 15 minutes off its own clock: that is of this machine.
	{regexp.MustCompile(`RequestTimeTooSkewed`), reason.ClockSkew},
	{regexp.MustCompile(`(?i)NoSuchBucket|container ?not ?found|bucket.*(does not|doesn't) exist`), reason.NoBackup},
	{
		regexp.MustCompile(
			`(?i)ExpiredToken|InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|InvalidToken|AuthenticationFailed`,
		),
		reason.RepoDenied,
	},
	{regexp.MustCompile(`(?i)HTTP request failed with (401|403)`), reason.RepoDenied},
	{regexp.MustCompile(`(?i)permission denied`), reason.RepoDenied},
	// A repository host that does not know the certificate, or that it may ask for the stanza.
	{regexp.MustCompile(`AccessError|\[105\]`), reason.RepoDenied},
	{regexp.MustCompile(`(?i)HTTP request failed with (408|429|5\d\d)`), reason.RepoUnreachable},
	{regexp.MustCompile(`(?i)certificate`), reason.UntrustedCertificate},
	{regexp.MustCompile(`(?i)HostConnectError|\[049\]|connection refused|unable to connect|unable to get address|` +
		`timeout connecting|TLS error|TLS syscall error|connection reset|broken pipe|unexpected eof reading http|` +
		`timeout after \d+ms waiting`), reason.RepoUnreachable},
	{regexp.MustCompile(`(?i)ServiceError|\[101\]`), reason.RepoUnreachable},
	// The last two are maps of tablespaces and links that do not fit the set.
	{regexp.MustCompile(`\[0(27|31|32|33|36|37|96|76|78)\]`), reason.ConfigInvalid},
}

// ownFiles are the words of a pgBackRest that cannot use a certificate, a key or a file of certificates of its own
// machine (tlsCertKeyLoad in src/common/io/tls/common.c, tlsClientNew in client.c; alike from 2.45 on). Nobody was
// asked for anything yet, though its codes, 42 and 95, are those of damage as well.
var ownFiles = regexp.MustCompile(badFile)

const badFile = `unable to load (cert|key) file '|cert '.*' and key '.*' do not match|` +
	`key file '.*' (must be owned by|has group or other permissions)|` +
	`unable to set (user-defined|default) CA certificate location`

// hostFiles are the same words when a repository host said them of its own files, which keep every node from the
// repository (protocolClientError in src/protocol/client.c).
var hostFiles = regexp.MustCompile(`raised from remote-\d+ \w+ protocol on '[^']*': (` + badFile + `)`)

// greeting is what pgBackRest says of a repository host whose pgBackRest is of another version: both must be the same
// (protocolClientNew in src/protocol/client.c).
var greeting = regexp.MustCompile(`expected value '([^']*)' for greeting key 'version' but got '([^']*)'`)

// OtherVersion finds in a failure that a repository host has another pgBackRest than this machine.
func OtherVersion(text string) (here, there string, ok bool) {
	if found := greeting.FindStringSubmatch(text); found != nil {
		return Printable(found[1]), Printable(found[2]), true
	}
	return "", "", false
}

// manyVersions are the words of a pgBackRest that met more versions than one answer of the store holds.
var manyVersions = regexp.MustCompile(`NextContinuationToken`)

// ManyVersions says whether a failure is that one.
func ManyVersions(err error) bool { return err != nil && manyVersions.MatchString(err.Error()) }

// Classify finds the reason of a failure that means the same whatever was asked
// for. What depends on the question (a missing file, a failed decryption) is left
// to the caller.
func Classify(code int, text string) (reason.Reason, bool) {
	for _, r := range rules {
		if r.words.MatchString(text) {
			return r.why, true
		}
	}
	switch code {
	case 49, 101:
		return reason.RepoUnreachable, true
	case 27, 31, 32, 33, 36, 37, 96, 76, 78:
		return reason.ConfigInvalid, true
	}
	return "", false
}

// damage are the codes that mean a file of the repository is missing, cut or
// wrong once it is known that the repository can be reached and opened: checksum,
// file-invalid, format, file-open, file-read, file-missing, path-missing, crypto, file-info, json-format.
var damage = regexp.MustCompile(`\[0(26|28|29|41|42|55|73|95|98|99)\]|ChecksumError|FormatError|FileMissingError|` +
	`FileOpenError|FileReadError|CryptoError|` +
	`HTTP request failed with 416`) // what is asked for lies behind the end of an object that was cut

// Damaged says whether a failure names a damaged or missing file. One whose reason is
// known does not: a store that stops answering ends in the same codes.
func Damaged(err error) bool {
	if _, known := reason.Of(err); known {
		return false
	}
	failed, ok := errors.AsType[*Error](err)
	return ok && !failed.here && damage.MatchString(strings.Join(failed.Lines, "\n"))
}

// badPages is what restore says of a file with pages that fail their checksum (versions.RestoreRefusesPages).
var badPages = regexp.MustCompile(`invalid page checksums?(\(s\))? found in file`)

// BadPages says whether restore refused a file in which the backup had found pages that fail their checksum: the
// repository is whole, and what was backed up was not.
func BadPages(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && badPages.MatchString(strings.Join(failed.Lines, "\n"))
}

// OffTimeline says whether restore refused a set that is not on the timeline it would be recovered to
// (db-mismatch, versions.RestoreChecksTimeline).
func OffTimeline(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && (failed.Code == 58 || strings.Contains(strings.Join(failed.Lines, "\n"), "[058]"))
}

// Killed says whether the command was ended by a signal: its exit status is then 63
// (term), or the host's 128 + signal. The same holds for one of its workers.
func (e *Error) Killed() bool {
	return e.Code == 63 || e.Code > 128 ||
		strings.Contains(strings.Join(e.Lines, " "), "terminated unexpectedly on signal")
}
