package drill

import (
	"context"
	"errors"
	"fmt"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// askPlaces finds out where the set goes: which directories, whether it may, and whether each file system has the room.
// rest is the mark of what is taken up; nil where a restore begins.
func (r *nodeRestore) askPlaces(ctx context.Context, out suite.Out, found ready, rest *node.Claim) error {
	manifest, _, err := found.Client.Manifest(ctx, found.plan.set.Label)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && rest != nil:
		return reason.Errorf(whyUnread(err), "-resume: where backup set %s goes cannot be read: %w", rest.Set, err)
	case err != nil && !errors.Is(err, pgbackrest.ErrManifest): // the next try may read it
		return reason.Errorf(whyUnread(err), "where backup set %s goes cannot be read, and pgBackRest would restore "+
			"over what nobody has looked at: run it again once the repository answers: %w", found.plan.set.Label, err)
	case err != nil: // both copies are damaged, and pgBackRest ends at them
		r.apart, r.rooms = node.Targets{Data: r.place.Dir}, r.roomUnknown(found.plan.need())
		out.Note("where backup set %s goes apart from -to is not known, and was not looked at: %s",
			found.plan.set.Label, pgbackrest.Printable(err.Error()))
	default:
		r.apart, r.plain = r.targetsOf(found, manifest), unlinked(found, manifest, r.place.Dir)
		if rest != nil {
			r.known = node.KnownOf(manifest)
		}
		if err = refuseMaps(found, manifest); err == nil {
			err = r.refuseApart(ctx, found.Control, rest)
		}
		if err == nil {
			err = r.refuseStrays(rest)
		}
		if err != nil {
			return err
		}
		if r.rooms, err = r.roomsOf(found, manifest); err != nil {
			return reason.Errorf(reason.ConfigInvalid, "-to %s: how much room there is: %w", r.place.Dir, err)
		}
	}
	return r.fits(out)
}

// whyUnread is the reason of a manifest that could not be read: the repository did not answer, or both copies are
// damaged.
func whyUnread(err error) reason.Reason {
	if why, known := reason.Of(err); known {
		return why
	}
	return reason.RepoCorrupt
}

// roomsOf are the file systems that a set goes to by its manifest.
func (r *nodeRestore) roomsOf(found ready, m pgbackrest.Manifest) ([]node.Volume, error) {
	sizes, wal := m.Places(found.Client.Conf.Config, found.Stanza(), r.place.Dir)
	sizes[wal] += found.plan.needOfWAL()
	return node.Volumes(r.place.Dir, sizes)
}

// roomUnknown is the file system of the data directory, where more cannot be known.
func (r *nodeRestore) roomUnknown(need int64) []node.Volume {
	return []node.Volume{{
		Dir: r.place.Dir, Need: need, Free: r.place.Free,
		Doubt: "the set's manifest cannot be read, so that nobody knows what of it lies elsewhere",
	}}
}

// fits looks whether there is room for a restore. Of one that is taken up, some is there already.
func (r *nodeRestore) fits(out suite.Out) error {
	var short []error
	for i, v := range r.rooms {
		if v.Free >= v.Need || r.again {
			continue
		}
		has := fmt.Sprintf("%s: the restore needs %s there, and %s are free", pgbackrest.Printable(v.Dir),
			megabytes(v.Need), megabytes(v.Free))
		if i == 0 {
			has = "-to " + has
		}
		if v.Doubt == "" {
			short = append(short, errors.New(has))
			continue
		}
		out.Note("%s: it may fit all the same, since %s", has, pgbackrest.Printable(v.Doubt))
	}
	return reason.Wrap(reason.DiskSpace, errors.Join(short...))
}

// roomOf is what somebody must know of a file system who says yes.
func roomOf(v node.Volume) string {
	return fmt.Sprintf("needs %s, %s free", megabytes(v.Need), megabytes(v.Free))
}
