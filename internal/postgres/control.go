package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// Control is what pg_controldata says of a data directory, by its own labels.
type Control map[string]string

// ReadControl runs pg_controldata on a data directory.
func ReadControl(ctx context.Context, h host.Host, in Installation, data string) (Control, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	out, err := h.Run(ctx, host.Command{Argv: []string{in.Program("pg_controldata"), "-D", data}})
	if err != nil {
		why := reason.SandboxFailed
		if exit, ok := errors.AsType[*host.ExitError](err); ok && exit.Code <= 128 {
			why = reason.StartFailed // it ran, and what it read is no cluster
			if diskFailed.MatchString(toolSaid.ReplaceAllString(strings.TrimSpace(string(exit.Result.Stderr)), "")) {
				why = reason.SandboxFailed // it could not be read
			}
		}
		return nil, reason.Wrap(why, fmt.Errorf("pg_controldata of the restored cluster: %w", err))
	}
	return ParseControl(string(out.Stdout)), nil
}

// ParseControl reads the output of pg_controldata in the C locale.
func ParseControl(output string) Control {
	control := Control{}
	for _, line := range strings.Split(output, "\n") {
		if label, value, ok := strings.Cut(line, ":"); ok {
			control[strings.TrimSpace(label)] = strings.TrimSpace(value)
		}
	}
	return control
}

// SegmentSize is the cluster's WAL segment size in bytes.
func (c Control) SegmentSize() (uint64, error) {
	size, err := strconv.ParseUint(c["Bytes per WAL segment"], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("pg_controldata gives no WAL segment size: %w", err)
	}
	return size, nil
}

// SystemID is the cluster's identifier, given by initdb once and for all.
func (c Control) SystemID() string { return c["Database system identifier"] }

// Checkpoint is where the latest checkpoint lets recovery begin, and its timeline (pg_controldata
// reads both in the C locale).
func (c Control) Checkpoint() (timeline uint32, redo wal.LSN, err error) {
	redo, err = wal.ParseLSN(c["Latest checkpoint's REDO location"])
	if err != nil {
		return 0, 0, fmt.Errorf("pg_controldata gives no checkpoint: %w", err)
	}
	number, err := strconv.ParseUint(c["Latest checkpoint's TimeLineID"], 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("pg_controldata gives no timeline: %w", err)
	}
	return uint32(number), redo, nil
}

// inherited are the settings a server must not lower below those of the cluster
// its WAL comes from, with the label pg_controldata has for each (facts B4).
var inherited = map[string]string{
	"max_connections":           "max_connections setting",
	"max_worker_processes":      "max_worker_processes setting",
	"max_wal_senders":           "max_wal_senders setting",
	"max_prepared_transactions": "max_prepared_xacts setting",
	"max_locks_per_transaction": "max_locks_per_xact setting",
	"track_commit_timestamp":    "track_commit_timestamp setting",
}
