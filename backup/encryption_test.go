package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
)

const (
	// headSize is what is read of every object, and wholeBudget what is read of objects
	// beyond that, in all: a production bucket is too large to be read whole every day.
	headSize    = 64 << 10
	wholeBudget = 256 << 20
	maxObjects  = 10_000 // of more, every n-th is looked at
	readers     = 8      // at once
	maxFindings = 5
)

// usersMarkers stand in the rows of `users` of a seeded cluster.
var usersMarkers = []string{"@example.org", "CREATE TABLE public.users"}

// encryption is the claim encryption: whoever reads the bucket without pgBackRest finds
// nothing of the data, and whoever has another passphrase cannot read it with pgBackRest.
func (b *check) encryption(ctx context.Context) error {
	raw := b.rawObjects(ctx)
	if why, _ := reason.Of(raw); raw != nil && why.Exit() != reason.ExitFailed {
		return raw
	}
	return errors.Join(raw, b.otherPassphrase(ctx))
}

// rawObjects reads the objects of the repository as whoever has stolen the bucket would.
func (b *check) rawObjects(ctx context.Context) error {
	objects, err := b.repo.Objects(b.control.Dial)
	if err != nil {
		return err
	}
	list, err := objects.List(ctx)
	if err != nil {
		return unread(err)
	}
	if len(list) == 0 {
		return reason.Errorf(reason.NoBackup, "the repository holds no object: nothing is proved")
	}
	looked := sample(list, maxObjects)
	findings, total, err := b.inspectAll(ctx, objects, looked)
	if err != nil {
		return unread(err)
	}
	if total == 0 { // all of them expired meanwhile, or are empty
		return reason.Errorf(reason.NoBackup, "none of %d objects had a byte to read: nothing is proved", len(looked))
	}
	b.note("read %.1f MB of %d of %d objects without pgBackRest", float64(total)/1e6, len(looked), len(list))
	if n := len(findings); n > 0 {
		return reason.Errorf(reason.NotEncrypted, "what whoever has the bucket can read, in %d objects that were looked at: %s%s",
			len(looked), strings.Join(findings[:min(n, maxFindings)], "; "), more(n-maxFindings))
	}
	return nil
}

// sample is all of a list, or every n-th so that no more than most remain.
func sample(list []objectstore.Object, most int) (some []objectstore.Object) {
	step := (len(list) + most - 1) / most
	for i := 0; i < len(list); i += step {
		some = append(some, list[i])
	}
	return some
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf("; and %d more", n)
}

// inspectAll looks at objects, several at once; total is how many bytes it read.
func (b *check) inspectAll(ctx context.Context, objects objectstore.Objects, list []objectstore.Object) (findings []string, total int64, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	budget := int64(wholeBudget)
	for _, object := range list {
		if object.Size == 0 && strings.HasSuffix(object.Name, "/") {
			continue // a console's mark for a folder
		}
		length := min(object.Size, headSize)
		if rest := object.Size - length; rest <= budget {
			budget, length = budget-rest, object.Size
		}
		group.Go(func() error {
			found, n, failure := inspect(ctx, objects, object, length)
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

// unread is an object store that did not let us read: no word on what is in it.
func unread(err error) error {
	if why, known := pgbackrest.Classify(0, err.Error()); known {
		return reason.Wrap(why, err)
	}
	return reason.Wrap(reason.RepoUnreachable, err)
}

// inspect looks at the first bytes of one object. One that is gone was expired meanwhile.
func inspect(ctx context.Context, objects objectstore.Objects, object objectstore.Object, length int64) (findings []string, n int64, err error) {
	content, err := objects.Open(ctx, object.Name, length)
	if errors.Is(err, objectstore.ErrNoObject) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer content.Close() //nolint:errcheck // only read
	findings, n, err = policy.Inspect(object.Name, content, usersMarkers)
	if errors.Is(err, objectstore.ErrNoObject) {
		return nil, 0, nil
	}
	return findings, n, err
}

// otherPassphrase asks pgBackRest itself, with a passphrase that is not the right one.
// The right one must open what the other one does not, or nothing is proved.
func (b *check) otherPassphrase(ctx context.Context) error {
	file := fmt.Sprintf(repository.InfoFiles[2], b.stanza)
	content, err := b.repo.Client.Get(ctx, file)
	if err != nil && !pgbackrest.Damaged(err) && !errors.Is(err, pgbackrest.ErrNoFile) {
		return reason.Wrap(reason.RepoUnreachable, err) // it says nothing of the repository
	}
	if err != nil || !strings.Contains(string(content), repository.InfoMark) {
		return errors.Join(b.infoErr, reason.Errorf(reason.RepoCorrupt, "%s cannot be read with the passphrase of the conf: %v", file, err))
	}
	stranger, err := b.stranger(ctx)
	if err != nil {
		return err
	}
	content, err = stranger.Get(ctx, file)
	switch {
	case err == nil && strings.Contains(string(content), repository.InfoMark):
		return reason.Errorf(reason.NotEncrypted, "%s can be read with any passphrase", file)
	case err == nil || pgbackrest.Damaged(err):
		b.say("another passphrase opens nothing: %s", pgbackrest.Printable(fmt.Sprint(err)))
		return nil
	}
	return reason.Wrap(reason.RepoUnreachable, err) // it says nothing of the passphrase
}

var passphraseLine = regexp.MustCompile(`(?m)^(\s*repo[0-9]+-cipher-pass\s*=).*$`)

// stranger is a pgBackRest with a passphrase of its own.
func (b *check) stranger(ctx context.Context) (*pgbackrest.Client, error) {
	return b.repo.Stranger(ctx, b.control, func(conf []byte) []byte {
		return passphraseLine.ReplaceAll(conf, []byte("${1}"+rand.Text()+rand.Text()))
	})
}
