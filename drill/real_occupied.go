package drill

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// unusable is how pgBackRest says that it cannot put files of the backup into a place on this machine (its
// restoreCleanBuild and its POSIX driver, alike from 2.45 on), and what has to be said of that place.
type unusable struct {
	code  int            // pgBackRest's exit status
	words *regexp.Regexp // the first group is the place
	says  func(place string, why kernel) string
}

// kernel is what the kernel said, such as "[13] Permission denied".
type kernel string

var whyNot = regexp.MustCompile(`\[\d+\] [A-Z][^;:\n]*`)

// denied says whether another owner or mode would help: EACCES and EPERM.
func (k kernel) denied() bool {
	return strings.HasPrefix(string(k), "[13] ") || strings.HasPrefix(string(k), "[1] ")
}

// broken says whether the device failed: EIO.
func (k kernel) broken() bool { return strings.HasPrefix(string(k), "[5] ") }

// advised is a sentence, with what to do where the kernel denied it.
func (k kernel) advised(sentence, advice string) string {
	if k.denied() {
		return sentence + ": " + advice
	}
	return sentence
}

func unusables() []unusable {
	inUse := func(place string, _ kernel) string {
		return place + " is not empty, and the backup has files there: move what is there away, nothing is ever deleted"
	}
	strangers := func(place string, _ kernel) string {
		return fmt.Sprintf("%s does not belong to the user who runs PostgreSQL, or is not theirs to write, and the "+
			"backup has files there: chown it (%s), chmod 700", place, host.ServiceUser)
	}
	absent := func(place string, why kernel) string {
		place = tablespace(place)
		return why.advised(fmt.Sprintf("%s cannot be made (%s), and the backup has files there", place, why),
			fmt.Sprintf("make it (install -d -m 700 -o %s %s)", host.ServiceUser, place))
	}
	shut := func(place string, why kernel) string {
		return why.advised(fmt.Sprintf("%s cannot be written (%s), and it is in the backup", place, why),
			fmt.Sprintf("give what it lies in to the user who runs PostgreSQL (%s)", host.ServiceUser))
	}
	there := func(place string, _ kernel) string {
		return place + " is there, and the backup has it: move it away, nothing is ever deleted"
	}
	runs := func(place string, _ kernel) string {
		return fmt.Sprintf("%s is in %s: a server works there, or one that was killed has left it: stop it, or move "+
			"that file away where none runs (nor in another container, or on another machine, that has the volume), "+
			"and go on with -resume", node.PidFile, place)
	}
	return []unusable{
		{38, regexp.MustCompile(`presence of 'postmaster\.pid' in '([^']*)'`), runs},         // pg-running
		{40, regexp.MustCompile(`unable to restore to (?:path|link|file) '([^']*)'`), inUse}, // path-not-empty
		{93, regexp.MustCompile(`unable to restore (?:to )?file '([^']*)'`), there},          // file-exists
		{53, regexp.MustCompile(`unable to restore to path '([^']*)'`), strangers},           // path-open
		{47, regexp.MustCompile(`unable to create path '([^']*)'`), absent},                  // path-create
		{41, regexp.MustCompile(`unable to open file '([^']*)' for write`), shut},            // file-open
		{98, regexp.MustCompile(`unable to get info for path/file '([^']*)'`), shut},         // file-info
	}
}

// tablespace is the directory that a tablespace has, of the one in it that PostgreSQL makes; of any other the same.
func tablespace(place string) string {
	if node.IsVersionDirectory(path.Base(place)) {
		return path.Dir(place)
	}
	return place
}

// occupied says what a restore for real needs that found a directory of a tablespace, or what a link leads to, in use,
// or could not make it. What pgBackRest itself hints at, --delta, would remove what is there; and "permission denied"
// is else the store's. Nil is any other failure.
func (r *nodeRestore) occupied(err error) error {
	failed, ok := errors.AsType[*pgbackrest.Error](err)
	if why, _ := reason.Of(err); r == nil || !ok || why == reason.DiskSpace {
		return nil
	}
	for _, u := range unusables() {
		match := u.words.FindStringSubmatch(failed.Error())
		if failed.Code != u.code || match == nil || !path.IsAbs(match[1]) {
			continue
		}
		why, is := kernel(whyNot.FindString(failed.Error())), reason.ConfigInvalid
		if why.broken() {
			is = reason.SandboxFailed // nothing that was asked for is wrong
		}
		return reason.Errorf(is, "%s", pgbackrest.Printable(u.says(match[1], why)))
	}
	return nil
}
