package drill

import (
	"context"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// askRoom looks, before anything is launched, whether what is planned fits where the sandbox's data will lie. Room
// that cannot be asked for is no verdict: the sandbox itself will show it.
func askRoom(ctx context.Context, out suite.Out, s session.Session, need int64) (sandbox.Room, error) {
	provider, root := s.Environment.Sandbox(s.Settings), int64(0)
	if sizer, sized := provider.(sandbox.Sizer); sized {
		root = sizer.RootDisk(need)
	}
	measurer, able := provider.(sandbox.Measurer)
	if !able {
		return sandbox.Room{Root: root}, nil
	}
	room, err := measurer.Room(ctx, s.Control)
	room.Root = root
	if err != nil {
		if ctx.Err() != nil {
			return sandbox.Room{}, err
		}
		out.Note("how much room there is for the sandbox is not known before it is there: %s", oneLine(err))
		return sandbox.Room{Doubt: "not known", Root: root}, nil
	}
	note, err := judgeRoom(room, need, s.Settings.Reserve)
	if note != "" {
		out.Note("%s", note)
	}
	return room, err
}

// judgeRoom compares what a restore needs with the room for it, of which reserve is what must stay free, in percent. No
// more than the drill itself takes is asked for as reserve: what is left over twice cannot be filled by it. A note is
// all there is to say where it may fit, or where nobody but the drill would feel that it is full.
func judgeRoom(room sandbox.Room, need, reserve int64) (note string, err error) {
	left := room.Free - need
	has := fmt.Sprintf("the restore needs %s, and %s of %s are free in %s", megabytes(need), megabytes(room.Free),
		megabytes(room.Total), room.Place)
	spare := fmt.Sprintf("%s would be left, less than the %d %% that are to stay free (-reserve)", megabytes(left),
		reserve)
	switch {
	case left >= min(room.Total/100*reserve, need):
		return "", nil
	case left < 0 && room.Doubt != "":
		return fmt.Sprintf("%s: it may fit all the same, since %s", has, room.Doubt), nil
	case left < 0:
		return "", reason.Errorf(reason.DiskSpace, "%s: %s", has, room.Mend)
	case room.Doubt != "" || !room.Shared:
		return fmt.Sprintf("%s: %s", has, spare), nil
	}
	return "", reason.Errorf(reason.DiskSpace, "%s, which is not the drill's alone: %s: %s, or lower -reserve", has,
		spare, room.Mend)
}

// fits looks again, in the sandbox itself. Where what is free is no bound, nothing is proved by it.
func (l launched) fits(ctx context.Context, need int64) error {
	if l.room.Doubt != "" || l.real != nil && l.real.place.Doubt != "" {
		return nil
	}
	return l.named(checkSpace(ctx, l.box, need))
}

// named adds to a lack of room, of which pgBackRest, PostgreSQL and the daemon know no more than a path, where that is
// and what to do there. A disk of the sandbox's own is full before a place that has more.
func (r ready) named(err error) error {
	why, _ := reason.Of(err)
	switch {
	case why != reason.DiskSpace || r.room.Mend != "" && strings.Contains(err.Error(), r.room.Mend):
		return err
	case r.real != nil:
		return fmt.Errorf("%w: free some, and go on with -resume", err)
	case r.room.Root > 0 && r.room.Free >= r.room.Root:
		return fmt.Errorf("%w: the sandbox's own disk holds %s, and there was more in %s: give it a larger one with "+
			"-disk, or free some there", err, megabytes(r.room.Root), r.room.Place)
	case r.room.Root > 0 && r.room.Doubt != "":
		return fmt.Errorf("%w: the sandbox's own disk holds %s: give it a larger one with -disk, or free some in its "+
			"storage pool", err, megabytes(r.room.Root))
	case r.room.Place == "":
		return fmt.Errorf("%w: free some, or choose a larger place: TMPDIR, or the sandbox's storage pool", err)
	}
	return fmt.Errorf("%w: the data lies in %s: %s", err, r.room.Place, r.room.Mend)
}

// tellWarnings says what is known of whatever makes the sandboxes. What cannot be asked will show when it makes one.
func tellWarnings(ctx context.Context, out suite.Out, s session.Session) {
	warner, able := s.Environment.Sandbox(s.Settings).(sandbox.Warner)
	if !able {
		return
	}
	warnings, err := warner.Warnings(ctx)
	if err != nil {
		out.Say("what makes the sandboxes does not say what it is: %s", oneLine(err))
		return
	}
	for _, warning := range warnings {
		out.Note("warning: %s", warning)
	}
}
