package repository

import (
	"context"
	"errors"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
)

// Repository is one repository of one stanza, as its pgbackrest.conf names it. It is a value
// that nothing changes; a Client asks it, from some machine.
type Repository struct {
	Conf   Conf
	Stanza string
	Key    int // the N of repoN-type
	// At is the moment it is read as of; the zero time is now.
	At time.Time
}

// Log is where lines for whoever watches go (Say), and those that the report keeps (Note).
type Log interface {
	Say(format string, args ...any)
	Note(format string, args ...any)
}

// repo are the options of the repository.
func (r Repository) repo() pgbackrest.Repo { return r.Conf.Repo(r.Stanza, r.Key) }

// Address is where the object store of the repository answers; false for one that is a
// directory of this machine.
func (r Repository) Address() (pgbackrest.Address, bool) { return r.repo().Address() }

// Host is the repository host that holds the repository; "" for one that is reached from here.
func (r Repository) Host() string { return r.repo().Option("host") }

// Check refuses a conf that cannot be meant: no such repository, one shown as it was
// then (config_invalid), placeholders for secrets (placeholder_secret).
func (r Repository) Check() error {
	if err := r.Conf.CheckRepo(r.Stanza, r.Key); err != nil {
		return err
	}
	if err := r.repo().CheckNow(); err != nil {
		return err
	}
	if err := r.checkPast(); err != nil {
		return err
	}
	return r.repo().CheckSecrets()
}

// Reach tries the way to the object store: pgBackRest would retry a dead one for minutes.
// doubt is what looks wrong with the store's certificate: pgBackRest has the last word on that.
func (r Repository) Reach(ctx context.Context, log Log, from pgbackrest.Dialer) (doubt, err error) {
	address, remote := r.repo().Address()
	if !remote {
		log.Say("repository %d: %s, on this machine", r.Key, r.repo().Type())
		return nil, nil
	}
	roots, err := r.Conf.Roots(r.repo())
	if err = errors.Join(err, r.hostFiles()); err != nil {
		return nil, err
	}
	start := time.Now()
	doubt, err = pgbackrest.Probe(ctx, from, address, roots)
	if err != nil {
		return nil, err
	}
	log.Say("repository %d: %s at %s answers in %d ms", r.Key, r.repo().Type(), address,
		time.Since(start).Milliseconds())
	if !r.repo().VerifyTLS() {
		doubt = nil
	}
	return doubt, nil
}
