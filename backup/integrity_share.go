package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/integrity"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// shareIsIntact is the claim integrity with -verify-cycle: today's share of the repository is what it was when it was
// written, and nothing that is known to be damaged is left. Names and sizes are those of all objects, every day.
func shareIsIntact(ctx context.Context, out suite.Out, in opened) error {
	before, err := in.listAgain(ctx, out)
	if err != nil {
		return err
	}
	s := &share{opened: before, cycle: in.Settings.VerifyCycle}
	if s.objects, err = in.Client.Objects(in.Control.Dial); err != nil {
		return fmt.Errorf("-verify-cycle: %w", err)
	}
	known, err := integrity.Recall(in.Settings.State, s.name())
	if err != nil {
		return reason.Errorf(reason.ConfigInvalid, "%w; it may hold what is known to be damaged: move it away to read "+
			"all of the repository anew", err)
	}
	if len(known) == 0 {
		out.Note("-state knows of nothing in repository %d that was read: the cycle begins now", in.Settings.Repo)
	}
	if err = s.survey(ctx, out); err != nil {
		return err
	}
	var gone []string
	s.memory, gone = known.With(s.units, s.unlisted, time.Now())
	for _, text := range gone {
		out.Note("%s: it was expired since", pgbackrest.Printable(text))
	}
	unread := s.read(ctx, out)
	failed := integrity.Remember(in.Settings.State, s.name(), s.memory)
	after, err := in.listAgain(ctx, out)
	if err = errors.Join(failed, err); err != nil {
		return errors.Join(unread, err)
	}
	return s.judge(out, labels(after.backups), unread)
}

// name is that of the repository in -state.
func (s *share) name() string { return fmt.Sprintf("%s/%d", s.Stanza(), s.Settings.Repo) }

// judge is what was found, of the sets that are listed still. What kept some of it from being read hides no damage
// elsewhere, and is no pass.
func (s *share) judge(out suite.Out, listed []string, unread error) error {
	var problems []string
	bad := s.memory.Bad()
	for _, key := range slices.Sorted(maps.Keys(bad)) {
		set, _, _ := strings.Cut(key, "/")
		if !slices.Contains(labels(s.backups), set) || slices.Contains(listed, set) {
			problems = append(problems, bad[key]...)
		}
	}
	for _, set := range slices.Sorted(maps.Keys(s.wrong)) {
		if set == "" || slices.Contains(listed, set) {
			problems = append(problems, s.wrong[set]...)
		}
	}
	now := integrity.Cover(s.units, s.memory, s.cycle, time.Now())
	out.Metric("verified_files", float64(s.files))
	out.Metric("invalid_files", float64(len(problems)))
	out.Metric("verify_coverage_ratio", now.Ratio())
	out.Metric("verify_oldest_seconds", now.Oldest.Seconds())
	out.Metric("verify_cycle_seconds", s.cycle.Seconds())
	out.Note("integrity read %s in %d objects of %s: %.0f %% was read within the last %s", gigabytes(s.bytes), s.done,
		gigabytes(now.Bytes), 100*now.Ratio(), days(s.cycle))
	if s.cut {
		out.Note("warning: the time was over before all of today's share was read: what is left comes first tomorrow")
	}
	if now.Late > 0 {
		out.Note("warning: the cycle is late: %s in %d parts were not read for more than %s, the longest for %s: give "+
			"the checks more time (-timeout), or a longer -verify-cycle", gigabytes(now.LateBytes), now.Late,
			days(s.cycle), days(now.Oldest))
	}
	switch {
	case len(problems) > 0:
		if unread != nil {
			out.Note("warning: not all of today's share could be read: %s", pgbackrest.Printable(unread.Error()))
		}
		return damagedAgain(problems)
	case unread != nil:
		return unread
	case s.bytes == 0 && s.cut:
		return reason.Errorf(reason.Timeout, "no time was left to read anything of today's share: nothing is proved")
	case s.done == 0 && s.bytes == 0:
		return reason.Errorf(reason.RepoCorrupt, "the repository holds no object to read: nothing is proved")
	case s.done == 0:
		out.Note("all of today's share was expired while it was read")
	}
	return nil
}

// damagedAgain names what is damaged, as many as fit into a line.
func damagedAgain(problems []string) error {
	more := ""
	if n := len(problems) - maxFindings; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	for i, text := range problems {
		problems[i] = pgbackrest.Printable(text)
	}
	return reason.Errorf(reason.RepoCorrupt, "not what was written: %s%s",
		strings.Join(problems[:min(len(problems), maxFindings)], "; "), more)
}

func gigabytes(n int64) string {
	if n < 1e8 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func days(d time.Duration) string { return fmt.Sprintf("%.1f days", d.Hours()/24) }
