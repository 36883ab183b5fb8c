package drill

import (
	"context"
	"errors"
	"fmt"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// refuseMaps refuses a conf that maps what the set has not. pgBackRest would end there, once the restore has begun.
func refuseMaps(found ready, m pgbackrest.Manifest) error {
	var useless []error
	for _, line := range m.UselessMaps(found.Client.Conf.Config, found.Stanza()) {
		useless = append(useless, fmt.Errorf("%s: pgbackrest restore of backup set %s ends there: comment the line out",
			line, found.plan.set.Label))
	}
	return reason.Wrap(reason.ConfigInvalid, errors.Join(useless...))
}

// unlinked says of each link of the data directory that the set was taken of, and that no map of the conf keeps, that
// what it led to comes back as a plain one: pgBackRest warns of it once it has. Its room is reckoned there.
func unlinked(found ready, m pgbackrest.Manifest, data string) (list []string) {
	for _, t := range m.Unlinked(found.Client.Conf.Config, found.Stanza(), data) {
		name, to := t.Link()
		name = pgbackrest.Printable(name)
		list = append(list, fmt.Sprintf("%s was a link to %s, and comes back without it, inside the data directory: "+
			"link-map=%s=... of the conf keeps it, or link-all=y", name, pgbackrest.Printable(to), name))
	}
	return list
}

// tellMaps names the lines of the conf at which a restore for real of the set would end. A drill maps everything into
// its sandbox, and meets none of them: it waits for no more than contentTime.
func tellMaps(ctx context.Context, out suite.Out, s session.Session, p plan) {
	if !s.Client.Conf.Maps(s.Stanza()) {
		return
	}
	bound, cancel := context.WithTimeoutCause(ctx, contentTime,
		fmt.Errorf("its manifest was not read within %s", contentTime))
	defer cancel()
	m, _, err := s.Client.Manifest(bound, p.set.Label)
	if ctx.Err() != nil { // the next step says so
		return
	}
	if err != nil && bound.Err() != nil {
		err = context.Cause(bound)
	}
	if err != nil {
		out.Note("whether backup set %s has what the conf maps is not known: %s", p.set.Label,
			pgbackrest.Printable(err.Error()))
		return
	}
	for _, line := range m.UselessMaps(s.Client.Conf.Config, s.Stanza()) {
		out.Note("not obeyed here: %s: a plain restore of backup set %s ends there", line, p.set.Label)
	}
}

// tellDirectory says of the node's data directory, as the conf has it, that veza-restore would not restore into it.
func tellDirectory(out suite.Out, s session.Session) {
	dir := s.Client.Conf.Option(s.Stanza(), "restore", "pg1-path")
	if dir == "" {
		return
	}
	if err := node.Named(dir); err != nil {
		out.Note("pg1-path=%s: veza-restore refuses it for its -to (%s): give it another directory, "+
			"and lead pg1-path there", pgbackrest.Printable(dir), err)
	}
}
