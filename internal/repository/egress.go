package repository

import (
	"context"
	"net"
	"path"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// lookupTime bounds the search for the address of a repository that is not asked.
const lookupTime = 30 * time.Second

// Egress adds to a spec the ways out that a machine needs: to the object stores of the
// stanza, or to the directory of its posix repository.
func (r Repository) Egress(ctx context.Context, log Log, spec sandbox.Spec) sandbox.Spec {
	for _, key := range r.Conf.Repos() {
		repo := r.Conf.Repo(r.Stanza, key)
		if _, ok := repo.Served(); !ok {
			continue
		}
		address, remote := repo.Address()
		if key != r.Key && !r.known(ctx, log, repo) {
			continue
		}
		if remote {
			spec.Stores = append(spec.Stores, sandbox.Address{Host: address.Host, Port: address.Port})
		} else {
			spec.Folders = []string{path.Clean(repo.Path())}
		}
	}
	return spec
}

// known says whether a repository that is not asked gets a way as well: an object
// store whose name is known. It is no fault of the asked one when it is not.
func (r Repository) known(ctx context.Context, log Log, repo pgbackrest.Repo) bool {
	address, remote := repo.Address()
	if !remote {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	_, err := net.DefaultResolver.LookupHost(ctx, address.Host)
	if err != nil {
		log.Note("nothing leads to repository %d, which is not drilled: %v", repo.Key, err)
	}
	return err == nil
}

// CheckServed refuses a repository that a machine without a network of its own cannot reach.
func (r Repository) CheckServed(log Log, environment string) error {
	for _, key := range r.Conf.Repos() {
		name, ok := r.Conf.Repo(r.Stanza, key).Served()
		switch {
		case ok:
		case key == r.Key:
			return reason.Errorf(reason.ConfigInvalid, "%s: %s is not served in a sandbox of environment %s yet: "+
				"repositories of type s3, with keys that the conf holds (s3-key-type=shared), and posix are; use "+
				"-conf in the environment without a tag for this one", r.Conf.Path, name, environment)
		default:
			log.Note("%s is not served in a sandbox yet: nothing leads to it", name)
		}
	}
	return nil
}
