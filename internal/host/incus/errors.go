package incus

import (
	"net/http"
	"slices"
	"strings"

	"github.com/lxc/incus/v6/shared/api"

	"veza.fr/recovery/internal/reason"
)

// failed gives an error of this provider its reason.
func failed(err error) error { return reason.Wrap(reason.SandboxFailed, ifFull(err)) }

// ifFull gives the reason disk_space to an error that says so; the daemon has only words for it.
func ifFull(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	for _, full := range []string{
		"no space left on device", "disk space", "quota exceeded", "not enough space",
		"enospc", "edquot",
	} {
		if strings.Contains(text, full) {
			return reason.Wrap(reason.DiskSpace, err)
		}
	}
	return err
}

func notFound(err error) bool { return api.StatusErrorCheck(err, http.StatusNotFound) }

// takenWords are in the daemon's answers to a name that somebody else has, or is about to have.
var takenWords = []string{"already exists", "instances.name", busyWords}

// busyWords are the daemon's for an instance that another operation is about.
const busyWords = "Instance is busy running a"

func busy(err error) bool { return err != nil && strings.Contains(err.Error(), busyWords) }

// taken says whether err means that the name of a new instance is somebody else's.
func taken(err error) bool {
	if err == nil {
		return false
	}
	return api.StatusErrorCheck(err, http.StatusConflict) ||
		slices.ContainsFunc(takenWords, func(words string) bool { return strings.Contains(err.Error(), words) })
}

// refused is the daemon's answer to what it was told to do: it did not begin.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// answered says whether err is the daemon's own answer, and so no sign that it is away.
func answered(err error) bool {
	_, ok := api.StatusErrorMatch(err)
	return ok
}
