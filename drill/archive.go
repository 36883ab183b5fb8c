package drill

import (
	"context"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// inWindow refuses a target after everything that is archived.
func inWindow(wanted target.Target, last wal.Entry, segmentSize uint64) error {
	beyond := false
	switch wanted.Kind {
	case target.Time:
		beyond = wanted.Time.After(last.Time.Add(clocksApart))
	case target.LSN:
		beyond = lsn(wanted.LSN) >= wal.Segment{Number: last.Number + 1}.Start(segmentSize)
	}
	if beyond {
		return reason.Errorf(reason.ConfigInvalid,
			"-target %s lies after the end of the archive (%s, archived %s): outside the recovery window", wanted,
			last.Name, last.Time.UTC().Format(time.RFC3339))
	}
	return nil
}

// walRoom is how many replayed segments may lie on the disk beside the data at once.
const walRoom = 8

// need is how many bytes a restore of the set and its replay take.
func (p plan) need() int64 { return p.set.Info.Size + p.needOfWAL() }

// needOfWAL is how many of them the replay takes.
func (p plan) needOfWAL() int64 {
	return int64(min(len(p.chain.Entries), walRoom)) * int64(p.segmentSize)
}

// checkSpace compares what the restore needs with what is free on a machine.
func checkSpace(ctx context.Context, on sandbox.Sandbox, need int64) error {
	free, err := freeSpace(ctx, on)
	if err != nil {
		return err
	}
	if free < need {
		return reason.Errorf(reason.DiskSpace,
			"the restore needs %s in %s, and %s are free", megabytes(need), on.Dir("data"), megabytes(free))
	}
	return nil
}

// freeSpace is how many bytes are free for the data on a machine.
func freeSpace(ctx context.Context, on sandbox.Sandbox) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	said, err := on.Run(ctx, host.Command{Argv: []string{"df", "-B1", "--output=avail", on.Dir("data")}})
	if err != nil {
		return 0, err
	}
	_, number, _ := strings.Cut(strings.TrimSpace(string(said.Stdout)), "\n") // after the line with the column's name
	free, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil {
		return 0, reason.Errorf(reason.SandboxFailed, "df says %q", said.Stdout)
	}
	return free, nil
}
