package drill

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// targetsOf are the directories that a set goes to apart from the data directory.
func (r *nodeRestore) targetsOf(found ready, m pgbackrest.Manifest) node.Targets {
	return node.TargetsOf(m, found.Client.Conf.Config, found.Stanza(), r.place.Dir)
}

// rest is the mark of what is taken up; nil where a restore begins.
func (r *nodeRestore) rest(claim *node.Claim) *node.Claim {
	if r.again {
		return claim
	}
	return nil
}

// refuseApart says why the set must not go where it would go apart from the data directory.
func (r *nodeRestore) refuseApart(ctx context.Context, h host.Host, rest *node.Claim) error {
	r.apart.Ask = lister(ctx, h)
	if err := r.apart.Free(); err != nil {
		return err
	}
	if err := r.apart.Refuse(rest); err != nil {
		return err
	}
	for dir, above := range r.apart.Missing() {
		if err := mayWrite(ctx, h, dir, above); err != nil {
			return err
		}
	}
	return nil
}

// refuseStrays says what lies where a restore is taken up and is not of it: pgBackRest would remove it. It looks at
// every file there is. Nothing is in the way of one that begins.
func (r *nodeRestore) refuseStrays(rest *node.Claim) error {
	if rest == nil {
		return nil
	}
	return r.apart.RefuseStrays(r.known, rest)
}

// millionFiles bounds the listing of all files of a cluster.
const millionFiles = 2 * time.Minute

// lister lists directories as the user who runs PostgreSQL, GNU find's way. Names may hold anything but a NUL.
func lister(ctx context.Context, h host.Host) node.Lister {
	return func(dir string, deep bool) (list []node.Listed, err error) {
		const names = `[ -e "$0" ] || exit 0; find -H "$0" -ignore_readdir_race -mindepth 1 "$@" -printf '%y%P\0'`
		argv, bound := []string{"sh", "-c", names, dir, "-maxdepth", "1"}, toolTimeout
		if deep { // a cluster's million files
			argv, bound = argv[:4], millionFiles
		}
		asking, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		said, err := h.Run(asking, host.Command{Argv: argv})
		if err != nil {
			return nil, fmt.Errorf("what is in %s, asked as the user who runs PostgreSQL: %w",
				pgbackrest.Printable(dir), err)
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(string(said.Stdout), "\x00"), "\x00") {
			if len(name) > 1 {
				list = append(list, node.Listed{Name: name[1:], Dir: name[0] == 'd'})
			}
		}
		return list, nil
	}
}

// mayWrite asks whether the user who runs PostgreSQL may write to a directory, or make it in the nearest that is there.
func mayWrite(ctx context.Context, h host.Host, dir, above string) error {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	_, err := h.Run(ctx, host.Command{Argv: []string{"sh", "-c", `[ -w "$0" ] && [ -x "$0" ]`, above}})
	exit, failed := errors.AsType[*host.ExitError](err)
	shown := pgbackrest.Printable(dir)
	switch {
	case !failed || exit.Code != 1:
		return reason.Wrap(reason.SandboxFailed, err)
	case dir == above:
		return reason.Errorf(reason.ConfigInvalid, "the user who runs PostgreSQL may not write to %s, and the backup "+
			"has files there: give it away (chown %s %s)", shown, host.ServiceUser, shown)
	}
	return reason.Errorf(reason.ConfigInvalid, "%s is not there, and the user who runs PostgreSQL may not make it in "+
		"%s: make it (install -d -m 700 -o %s %s)", shown, pgbackrest.Printable(above), host.ServiceUser, shown)
}

// plainMode is a mode of a directory that its owner may use.
var plainMode = regexp.MustCompile(`^0?7[0-7][0-7]$`)

// holdApart makes the directories that are not there, as pgBackRest would, and locks all that are written to: a mark is
// of one data directory, and another restore may go to the same tablespace.
func (r *nodeRestore) holdApart(ctx context.Context, h host.Host) error {
	mode := "0700"
	if plainMode.MatchString(r.apart.Mode) {
		mode = r.apart.Mode
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	for dir, above := range r.apart.Missing() {
		if dir == above {
			continue
		}
		if _, err := h.Run(ctx, host.Command{Argv: []string{"mkdir", "-p", "-m", mode, "--", dir}}); err != nil {
			return reason.Wrap(reason.ConfigInvalid, err)
		}
	}
	if err := r.claim.Hold(r.apart); err != nil {
		return err
	}
	r.claim.Remember(r.apart)
	return nil
}
