package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/target"
)

// restore restores the pinned set. The clock of the RTO starts here.
func (d *drill) restore(ctx context.Context) error {
	d.restoreStart = time.Now()
	// Once, and after the last choice: two values of a measurement are none.
	defer func() { d.metric("backup_age_seconds", d.age.Seconds()) }()
	err := d.restoreOnce(ctx)
	if _, known := reason.Of(err); err != nil && !known && d.expired(ctx) {
		if err = d.beginAgain(ctx); err == nil {
			err = d.restoreOnce(ctx)
		}
	}
	if err != nil {
		return d.restoreError(err)
	}
	d.restoreTime = time.Since(d.restoreStart)
	size, err := d.restoredBytes(ctx)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	d.metric("restored_bytes", float64(size))
	d.say("%s in %.1f s, %s/s", bytes(size), d.restoreTime.Seconds(), bytes(int64(float64(size)/d.restoreTime.Seconds())))
	return nil
}

func (d *drill) restoreOnce(ctx context.Context) error {
	cores, err := d.cores(ctx)
	if err != nil {
		return err
	}
	defer watch(ctx, d.sayRestored)()
	ctx, stop := d.withStore(ctx)
	defer stop()
	return d.client.Restore(ctx, pgbackrest.RestoreOptions{
		Set: d.set.Label, Target: d.targetOptions(), Tablespaces: d.box.Dir("tblspc"), ProcessMax: cores,
	}, io.Discard)
}

// targetOptions are pgBackRest's words for -target. A moment is written in UTC: without
// an offset both pgBackRest and PostgreSQL would take their own time zone (facts A2).
func (d *drill) targetOptions() []string {
	wanted := d.settings.Target
	value := map[target.Kind]string{
		target.Time: wanted.Time.UTC().Format("2006-01-02 15:04:05.999999") + "+00",
		target.LSN:  wanted.LSN,
		target.Name: wanted.Name,
	}[wanted.Kind]
	if wanted.Kind == target.End {
		return []string{"--type=default"}
	}
	return []string{"--type=" + string(wanted.Kind), "--target=" + value, "--target-action=promote"}
}

func (d *drill) cores(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	out, err := d.box.Run(ctx, host.Command{Argv: []string{"nproc"}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out.Stdout)))
}

// sayRestored prints how far a long restore has come.
func (d *drill) sayRestored(ctx context.Context) {
	if size, err := d.restoredBytes(ctx); err == nil { // files move under du; the next look will do
		d.say("%s", progressLine(size, d.set.Info.Size, time.Since(d.restoreStart)))
	}
}

// watch takes a look at long work from time to time, until the function it returns is called.
func watch(ctx context.Context, look func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(progress)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				look(ctx)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// progressLine is "1.2 of 4.0 GB (30 %), 150 MB/s, 19 s left".
func progressLine(size, total int64, spent time.Duration) string {
	rate := float64(size) / spent.Seconds()
	line := fmt.Sprintf("%s of %s", bytes(size), bytes(total))
	if total > 0 {
		line += fmt.Sprintf(" (%d %%)", min(size*100/total, 100))
	}
	line += fmt.Sprintf(", %s/s", bytes(int64(rate)))
	if rate > 0 && total > size {
		line += fmt.Sprintf(", %s left", time.Duration(float64(total-size)/rate*float64(time.Second)).Round(time.Second))
	}
	return line
}

// restoredBytes measures what lies in the data directory and the tablespaces.
func (d *drill) restoredBytes(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	out, err := d.box.Run(ctx, host.Command{Argv: []string{"du", "-sb", d.box.Dir("data"), d.box.Dir("tblspc")}})
	if err != nil {
		return 0, err
	}
	var total int64
	for _, line := range strings.Split(strings.TrimSpace(string(out.Stdout)), "\n") {
		count, _, _ := strings.Cut(line, "\t")
		size, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			return 0, reason.Errorf(reason.SandboxFailed, "du says %q", line)
		}
		total += size
	}
	return total, nil
}

// expired says whether the set was removed by expire while it was being restored.
func (d *drill) expired(ctx context.Context) bool {
	if ctx.Err() != nil || d.settings.Set != settings.SetLatest {
		return false
	}
	info, err := d.client.Info(ctx)
	if err != nil || len(info.Backups(d.settings.Repo)) == 0 {
		return false
	}
	_, listed := pgbackrest.Find(info.Backups(d.settings.Repo), d.set.Label)
	if !listed {
		d.note("backup set %s was expired while it was being restored: beginning again with the newest", d.set.Label)
		d.info = info
	}
	return !listed
}

// beginAgain empties the sandbox's directories and chooses a set anew, once. The
// labels published for the first choice stay wrong, so they are not published twice.
func (d *drill) beginAgain(ctx context.Context) error {
	if err := d.chooseSet(ctx); err != nil {
		return err
	}
	if err := d.wholeArchive(ctx); err != nil {
		return err
	}
	if err := d.empty(ctx); err != nil {
		return err
	}
	d.restoreStart = time.Now()
	return nil
}

// restoreError gives a failed restore its reason. The repository was reached and
// opened in preflight, so a file that cannot be read now is damaged.
func (d *drill) restoreError(err error) error {
	if _, known := reason.Of(err); known {
		return err
	}
	failed, ok := errors.AsType[*pgbackrest.Error](err)
	if !ok { // pgBackRest said nothing: this machine could not run it
		return reason.Wrap(reason.SandboxFailed, err)
	}
	if failed.Killed() {
		return reason.Errorf(reason.SandboxFailed, "pgbackrest restore was killed from outside: %w", err)
	}
	if pgbackrest.Damaged(err) {
		return reason.Wrap(reason.RepoCorrupt, err)
	}
	return reason.Wrap(reason.RestoreFailed, err)
}
