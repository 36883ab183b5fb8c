package repository

import (
	"context"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// versionedTypes are the stores whose versions pgBackRest can read. Of any other type it takes
// repo-target-time and reads the repository of now (storageRepoGet in src/storage/helper.c).
var versionedTypes = []string{"s3", "gcs", "azure"}

// versionsInOneList is how many versions S3 lists in one answer.
const versionsInOneList = 1000

// versionsTime bounds the question for the versions of one file.
const versionsTime = 30 * time.Second

// checkPast refuses a repository that cannot be shown as it was then.
func (r Repository) checkPast() error {
	switch {
	case r.At.IsZero():
		return nil
	case r.Host() != "":
		return reason.Errorf(reason.ConfigInvalid, "-repo-target-time: repository %d is on the repository host %s: "+
			"run the drill there, with the conf that names its bucket", r.Key, r.Host())
	case !slices.Contains(versionedTypes, r.repo().Type()):
		return reason.Errorf(reason.ConfigInvalid, "-repo-target-time: repository %d is of type %s, which keeps no "+
			"versions: pgBackRest would read it as it is now; only a versioned bucket (s3, gcs, azure) has a past",
			r.Key, r.repo().Type())
	}
	return nil
}

// Now is the same repository without a moment: as it is.
func (c Client) Now() Client {
	command := *c.Pgbackrest
	command.At = time.Time{}
	c.Pgbackrest, c.At = &command, time.Time{}
	return c
}

// Past is what the bucket still knows of backup.info, which every backup writes anew: which moments of the
// repository can be read.
type Past struct {
	At       time.Time // the moment that was asked for
	Versions []objectstore.Version
	Unknown  error // why nothing is known; nil where Versions is all there is
}

// Past asks the bucket for the versions of backup.info. A bucket that keeps none is config_invalid:
// overwritten files of it are gone, and the repository would look as if it had been damaged.
func (c Client) Past(ctx context.Context, dial objectstore.Dial) (p Past, err error) {
	p.At = c.At
	objects, err := c.Objects(dial)
	if err != nil {
		p.Unknown = err // pgBackRest may have a way to the store that we have not
		return p, nil
	}
	bucket, ok := objects.(objectstore.Versioned)
	if !ok {
		p.Unknown = fmt.Errorf("a repository of type %s cannot be asked", c.repo().Type())
		return p, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, versionsTime, reason.Errorf(reason.RepoUnreachable,
		"the object store did not list the versions of backup.info within %s", versionsTime))
	defer cancel()
	p.Versions, err = bucket.Versions(ctx, "backup/"+c.Stanza+"/backup.info")
	if err != nil { // pgBackRest asks the same, and has the last word
		p.Unknown = err
		return p, nil
	}
	if len(p.Versions) > 0 && !slices.ContainsFunc(p.Versions, objectstore.Version.Kept) {
		return p, reason.Errorf(reason.ConfigInvalid, "-repo-target-time: bucket %s keeps no versions (the only one "+
			"of backup.info is of %s): what was overwritten or deleted since is gone; versioning keeps what comes "+
			"after it was switched on", c.repo().Option("s3-bucket"), stamp(p.Versions[0].At))
	}
	return p, nil
}

// Outside is config_invalid for a moment before all that the bucket still has of the repository.
func (p Past) Outside() error {
	if len(p.Versions) == 0 {
		return nil
	}
	if oldest := p.Versions[len(p.Versions)-1]; p.At.Before(oldest.At.Truncate(time.Second)) {
		return reason.Errorf(reason.ConfigInvalid, "-repo-target-time %s lies before all that the bucket still has: "+
			"the oldest version of backup.info is of %s (before the first backup, or its versions have expired)",
			stamp(p.At), stamp(oldest.At))
	}
	return nil
}

// Tell adds to a failure to read the repository as of a moment what the bucket knows of backup.info
// around it: whether it was there, and which moment before is worth a try.
func (p Past) Tell(failed error) error {
	if failed == nil || p.At.IsZero() {
		return failed
	}
	then, earlier := p.then()
	why, _ := reason.Of(failed)
	switch {
	case why == reason.RepoDenied:
		return fmt.Errorf("as of %s: %w: to read the past the key needs s3:ListBucketVersions on the bucket and "+
			"s3:GetObjectVersion on its objects", stamp(p.At), failed)
	case pgbackrest.ManyVersions(failed):
		return fmt.Errorf("as of %s: pgBackRest before 2.60 reads no directory of which the bucket keeps more than %d "+
			"versions, old ones and marks of deletion counted, and a restore of then would end the same: install a "+
			"newer one, and let a lifecycle rule expire what is too old: %w", stamp(p.At), versionsInOneList, failed)
	case then == nil:
		return fmt.Errorf("as of %s: %w", stamp(p.At), failed)
	case then.Deleted && earlier != nil:
		return fmt.Errorf("as of %s: %w: backup.info had been deleted at %s; the version before it is of %s: take a "+
			"moment between the two", stamp(p.At), failed, stamp(then.At), stamp(earlier.At))
	case then.Deleted:
		return fmt.Errorf("as of %s: %w: backup.info had been deleted at %s, and the bucket has no version before",
			stamp(p.At), failed, stamp(then.At))
	case earlier != nil:
		return fmt.Errorf("as of %s: %w: the backup.info of then was written at %s, the one before at %s: if it was "+
			"damaged, take a moment between the two", stamp(p.At), failed, stamp(then.At), stamp(earlier.At))
	}
	return fmt.Errorf("as of %s: %w: the backup.info of then was written at %s, and the bucket has none before",
		stamp(p.At), failed, stamp(then.At))
}

// then is the version of backup.info that counted at the moment, and the content before it.
func (p Past) then() (then, earlier *objectstore.Version) {
	for i, version := range p.Versions { // the newest first
		switch {
		case version.At.Truncate(time.Second).After(p.At):
		case then == nil:
			then = &p.Versions[i]
		case earlier == nil && !version.Deleted:
			earlier = &p.Versions[i]
		}
	}
	return then, earlier
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
