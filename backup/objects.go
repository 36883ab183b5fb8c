package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

const (
	// headSize is what is read of every object, and wholeBudget what is read of objects
	// beyond that, in all: a production bucket is too large to be read whole every day.
	headSize    = 64 << 10
	wholeBudget = 256 << 20
	maxObjects  = 10_000 // of more, every n-th is looked at, other ones each day
	readers     = 8      // at once
	maxFindings = 5
)

// unfinished ends the name of a file that pgBackRest is writing in a posix repository.
const unfinished = ".pgbackrest.tmp"

// usersMarkers stand in the rows of `users` of a seeded cluster.
var usersMarkers = []string{"@example.org", "CREATE TABLE public.users"}

// readWithoutPgbackrest reads the objects of a stanza as whoever has stolen the bucket would.
func readWithoutPgbackrest(ctx context.Context, out suite.Out, objects objectstore.Objects, stanza string) error {
	list, err := ofStanza(ctx, objects, stanza)
	if err != nil {
		return unread(err)
	}
	if len(list) == 0 {
		return reason.Errorf(reason.NoBackup, "the repository holds no object of stanza %s: nothing is proved", stanza)
	}
	looked := sample(list, maxObjects, int(time.Now().Unix()/(24*60*60)))
	findings, total, err := inspectAll(ctx, objects, plan(looked, headSize, wholeBudget))
	if err != nil {
		return unread(err)
	}
	if total == 0 { // all of them expired meanwhile, or are empty
		return reason.Errorf(reason.NoBackup, "none of %d objects had a byte to read: nothing is proved", len(looked))
	}
	out.Note("read %.1f MB of %d of %d objects without pgBackRest", float64(total)/1e6, len(looked), len(list))
	return readable(findings, len(looked))
}

// ofStanza lists what a repository holds of a stanza. What lies beside it is none of its backups: another stanza, which
// may have no cipher, or whatever else is in a bucket of which the repository is the root.
func ofStanza(ctx context.Context, objects objectstore.Objects, stanza string) (all []objectstore.Object, err error) {
	for _, directory := range []string{"archive/" + stanza, "backup/" + stanza} {
		list, err := objects.Below(directory).List(ctx)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, object := range list {
			all = append(all, objectstore.Object{Name: directory + "/" + object.Name, Size: object.Size})
		}
	}
	return finished(all), nil
}

// finished leaves out what pgBackRest is writing, or has left when its disk was full or it was killed: its temporary
// files, and what is empty of a set that has no manifest. In a posix repository it writes a set's files under their
// own names, and a bundle is empty until the first megabyte is there.
func finished(list []objectstore.Object) []objectstore.Object {
	complete := map[string]bool{}
	for _, object := range list {
		if set, ok := strings.CutSuffix(object.Name, "/backup.manifest"); ok {
			complete[set] = true
		}
	}
	return slices.DeleteFunc(list, func(object objectstore.Object) bool {
		set := ofSet.FindString(object.Name)
		return strings.HasSuffix(object.Name, unfinished) || object.Size == 0 && set != "" && !complete[set]
	})
}

// ofSet finds the set that an object is of.
var ofSet = regexp.MustCompile(`^backup/[^/]+/\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?`)

// readable is what the findings in the objects come to.
func readable(findings []string, looked int) error {
	if len(findings) == 0 {
		return nil
	}
	more := ""
	if n := len(findings) - maxFindings; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return reason.Errorf(reason.NotEncrypted,
		"what whoever has the bucket can read, in %d objects that were looked at: %s%s",
		looked, strings.Join(findings[:min(len(findings), maxFindings)], "; "), more)
}

// sample is all of a list, or every n-th so that no more than most remain. It begins one further each day: a list that
// stays the same is looked at in full in n days.
func sample(list []objectstore.Object, most, day int) (some []objectstore.Object) {
	step := (len(list) + most - 1) / most
	for i := day % max(step, 1); i < len(list); i += step {
		some = append(some, list[i])
	}
	return some
}

// part is how much is read of an object, from its beginning.
type part struct {
	name   string
	length int64
}

// plan is what is read of objects: the head of each, and all of those whose rest fits into
// the budget.
func plan(list []objectstore.Object, head, budget int64) (parts []part) {
	for _, object := range list {
		if object.Size == 0 && strings.HasSuffix(object.Name, "/") {
			continue // a console's mark for a folder
		}
		length := min(object.Size, head)
		if rest := object.Size - length; rest <= budget {
			budget, length = budget-rest, object.Size
		}
		parts = append(parts, part{object.Name, length})
	}
	return parts
}

// inspectAll looks at objects, several at once; total is how many bytes it read.
func inspectAll(ctx context.Context, objects objectstore.Objects, parts []part) (
	findings []string, total int64, err error,
) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for _, of := range parts {
		group.Go(func() error {
			found, n, failure := inspect(ctx, objects, of)
			mu.Lock()
			defer mu.Unlock()
			total += n
			findings = append(findings, found...)
			return failure
		})
	}
	err = group.Wait()
	slices.Sort(findings)
	return findings, total, err
}

// inspect looks at the first bytes of one object. One that is gone was expired meanwhile.
func inspect(ctx context.Context, objects objectstore.Objects, of part) (findings []string, n int64, err error) {
	content, err := objects.Open(ctx, of.name, of.length)
	if errors.Is(err, objectstore.ErrNoObject) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer content.Close() //nolint:errcheck // only read
	findings, n, err = policy.Inspect(of.name, content, usersMarkers)
	if errors.Is(err, objectstore.ErrNoObject) {
		return nil, 0, nil
	}
	return findings, n, err
}

// unread is an object store that did not let us read: no word on what is in it. Of its certificate pgBackRest has the
// last word, and it has answered.
func unread(err error) error {
	why, known := pgbackrest.Classify(0, err.Error())
	if known && why == reason.UntrustedCertificate {
		return reason.Errorf(reason.RepoUnreachable, "pgBackRest reads the store, and this reader does not accept its "+
			"certificate: give it one that is for its name, signed by what repoN-storage-ca-file names: %w", err)
	}
	switch {
	case known:
		return reason.Wrap(why, err)
	case errors.Is(err, objectstore.ErrRefused):
		return reason.Wrap(reason.RepoDenied, err)
	}
	return reason.Wrap(reason.RepoUnreachable, err)
}
