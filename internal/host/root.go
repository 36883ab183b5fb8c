package host

import (
	"errors"
	"fmt"
	"path"
	"slices"
)

// ServiceUser runs the commands that name no user, wherever root could: PostgreSQL refuses
// root, and pgbackrest must never be run as root (facts A1: from 2.59 on it refuses itself,
// before that it leaves files that postgres cannot read).
const ServiceUser = "postgres"

// NeverRoot are the programs that root does not run, whatever a caller asks for. The list
// stands here alone; package hosttest holds every provider to it.
var NeverRoot = []string{"pgbackrest", "postgres", "initdb", "pg_ctl"}

// ErrRoot is a program of NeverRoot that root was to run.
var ErrRoot = errors.New("refused: root never runs it")

// RefuseRoot is an ErrRoot for a program of NeverRoot, named with or without its path, and the
// user id 0; nil for any other.
func RefuseRoot(program, uid string) error {
	if uid == "0" && slices.Contains(NeverRoot, path.Base(program)) {
		return fmt.Errorf("%s: %w", program, ErrRoot)
	}
	return nil
}
