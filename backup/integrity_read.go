package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"veza.fr/recovery/internal/integrity"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wait"
)

// share is what one run reads of a repository.
type share struct {
	opened
	cycle    time.Duration
	objects  objectstore.Objects
	units    []integrity.Unit
	wrong    map[string][]string // without being read, by label; "" is the archive
	unlisted []string            // labels of sets whose manifest cannot be read
	memory   integrity.Memory

	bytes       int64 // that were read
	files, done int   // files, and objects
	cut         bool  // the time was over first
}

const (
	afterReading = time.Minute     // of the run's time, for what comes after it
	saveEvery    = 5 * time.Minute // what was read is remembered, should the run be killed
)

// survey lists what there is, by the manifests and by the names of the segments.
func (s *share) survey(ctx context.Context, out suite.Out) error {
	s.wrong = map[string][]string{}
	pass, err := s.archivePass(ctx)
	if err != nil {
		return err
	}
	segments, err := s.below(ctx, "archive/")
	if err != nil {
		return err
	}
	s.units = integrity.WALUnits(s.Stanza(), segments, pass)
	list, err := s.below(ctx, "backup/")
	if err != nil {
		return err
	}
	found := make(map[string]int64, len(list))
	for _, object := range list {
		found["backup/"+s.Stanza()+"/"+object.Name] = object.Size
	}
	for _, label := range labels(s.backups) {
		manifest, err := s.manifest(ctx, out, label)
		if errors.Is(err, pgbackrest.ErrManifest) {
			s.unlisted = append(s.unlisted, label)
			s.wrong[label] = append(s.wrong[label], fmt.Sprintf("backup %s: %v", label, err))
			continue
		}
		if err != nil {
			return err
		}
		units, wrong := integrity.SetUnits(s.Stanza(), manifest, found)
		s.units, s.wrong[label] = append(s.units, units...), append(s.wrong[label], wrong...)
	}
	return nil
}

// below lists what the stanza has below a directory. A directory that is not there holds nothing.
func (s *share) below(ctx context.Context, directory string) ([]objectstore.Object, error) {
	list, err := s.objects.Below(directory + s.Stanza()).List(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unread(err)
	}
	return list, nil
}

// manifest reads a set's manifest, or its copy, and says so.
func (s *share) manifest(ctx context.Context, out suite.Out, label string) (pgbackrest.Manifest, error) {
	m, flawed, err := s.Client.Manifest(ctx, label)
	if flawed != nil {
		out.Note("warning: the manifest of backup %s is not well, and its copy is: %v", label, flawed)
	}
	return m, err
}

// archivePass is what opens the segments.
func (s *share) archivePass(ctx context.Context) (pass string, err error) {
	for _, name := range repository.InfoFiles[:2] {
		var content []byte
		content, err = s.Client.Pgbackrest.Get(ctx, fmt.Sprintf(name, s.Stanza()))
		if err != nil && !errors.Is(err, pgbackrest.ErrNoFile) && !pgbackrest.Damaged(err) {
			return "", reason.Wrap(reason.RepoUnreachable, err)
		}
		if err == nil {
			if pass, err = pgbackrest.InfoPass(content); err == nil {
				return pass, nil
			}
		}
	}
	return "", reason.Errorf(reason.RepoCorrupt, "archive.info and its copy cannot be read: %w", err)
}

// mostUnread is how many units may not be had before the store is given up: one may be a single object that never
// comes, and would keep everything else from being read, day after day.
const mostUnread = 3

// read reads today's share, as far as the run's time goes. What it found is in the memory.
func (s *share) read(ctx context.Context, out suite.Out) error {
	bound, cancel := ctx, context.CancelFunc(func() {})
	if end, ok := ctx.Deadline(); ok {
		bound, cancel = context.WithDeadline(ctx, end.Add(-afterReading))
	}
	defer cancel()
	today := integrity.Today(s.units, s.memory, s.cycle, time.Now())
	saved := time.Now()
	var unhad failures
	for _, unit := range today.Units {
		wrong, err := s.readUnit(bound, unit)
		switch {
		case wait.Over(ctx):
			return context.Cause(ctx)
		case wait.Over(bound):
			s.cut = true
			return unhad.all()
		case err != nil:
			if unhad.add(unread(err)); len(unhad.errs) == mostUnread {
				return unhad.all()
			}
			continue
		}
		if len(wrong) == 0 && len(s.memory[unit.Key].Bad) > 0 {
			out.Note("%s reads well again", unit.Key)
		}
		s.memory.Note(unit, wrong, time.Now())
		s.bytes += unit.Bytes
		out.Progress(suite.Progress{What: "read", Done: s.bytes, Total: today.Bytes, Unit: suite.Bytes})
		if time.Since(saved) > saveEvery {
			saved = time.Now()
			if err = integrity.Remember(s.Settings.State, s.name(), s.memory); err != nil {
				return err
			}
		}
	}
	return unhad.all()
}

// failures are what kept units from being read. A refusal is of one object, as where a lifecycle rule moved some to an
// archive class: the store answers, and the others are read.
type failures struct {
	errs    []error
	refused []error
}

func (f *failures) add(err error) {
	if why, _ := reason.Of(err); why == reason.RepoDenied {
		f.refused = append(f.refused, err)
		return
	}
	f.errs = append(f.errs, err)
}

// all is one error of them: a refusal first, which a restore would meet as well.
func (f *failures) all() error {
	if len(f.refused) == 0 {
		return errors.Join(f.errs...)
	}
	first := f.refused[0]
	if n := len(f.refused) - 1; n > 0 {
		first = fmt.Errorf("%w; and of %d more parts", first, n)
	}
	return errors.Join(append([]error{first}, f.errs...)...)
}

// readUnit reads the objects of a unit, several at once. What is wrong, or broke off, is read twice. A segment that is
// gone was expired; of a set that is listed nothing may be gone.
func (s *share) readUnit(ctx context.Context, unit integrity.Unit) (wrong []string, err error) {
	var mu sync.Mutex
	group, bound := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for _, object := range unit.Objects {
		group.Go(func() error {
			found, gone, failure := object.Read(bound, s.objects)
			if bound.Err() == nil && (failure != nil || len(found) > 0 && !gone) {
				found, gone, failure = object.Read(bound, s.objects)
			}
			mu.Lock()
			defer mu.Unlock()
			if failure == nil && !(gone && unit.Set == "") {
				wrong = append(wrong, found...)
				s.files, s.done = s.files+len(object.Files), s.done+1
			}
			return failure
		})
	}
	err = group.Wait()
	return wrong, err
}
