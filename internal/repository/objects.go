package repository

import (
	"cmp"
	"crypto/tls"
	"path"
	"strings"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// Objects opens the repository to be read without pgBackRest: the bucket of an s3 one,
// through dial, with the conf's keys; the directory of a posix one, on this machine. Other
// kinds, and keys that are not in the conf, are config_invalid.
func (r Repository) Objects(dial objectstore.Dial) (objectstore.Objects, error) {
	repo := r.repo()
	address, _ := repo.Address()
	switch {
	case repo.Option("host") != "":
		return nil, reason.Errorf(reason.ConfigInvalid,
			"%s: repository %d is on a repository host: run the check there", r.Conf.Path, r.Key)
	case repo.Type() == "posix":
		return objectstore.Directory(path.Clean(repo.Path())), nil
	case repo.Type() != "s3":
		return nil, reason.Errorf(reason.ConfigInvalid,
			"%s: objects of a repository of type %s cannot be read yet, only those of s3 and posix", r.Conf.Path,
			repo.Type())
	case repo.Option("s3-key-type") != "" && repo.Option("s3-key-type") != "shared":
		return nil, reason.Errorf(reason.ConfigInvalid,
			"%s: repo%d-s3-key-type=%s: objects can be read with keys of type shared only, which the conf holds",
			r.Conf.Path, r.Key, repo.Option("s3-key-type"))
	case repo.Option("s3-requester-pays") == "y":
		return nil, r.onlyPgbackrest("s3-requester-pays=y")
	case repo.Option("s3-sse-customer-key") != "":
		return nil, r.onlyPgbackrest("s3-sse-customer-key")
	}
	ca, failed := r.Conf.CA(repo)
	roots, err := r.Conf.Roots(repo)
	if err = cmp.Or(failed, err); err != nil {
		return nil, err
	}
	bucket, err := objectstore.NewBucket(objectstore.Location{
		Endpoint: repo.Endpoint(), Host: address.Host, Port: address.Port,
		Bucket: repo.Option("s3-bucket"), Region: repo.Option("s3-region"),
		Root: strings.Trim(repo.Path(),
			"/"), Key: repo.Option("s3-key"), Secret: repo.Option("s3-key-secret"), Token: repo.Option("s3-token"),
		CA: ca, PathStyle: repo.Option("s3-uri-style") == "path", VerifyTLS: repo.VerifyTLS(),
		Plain: address.TLSName == "", Dial: dial,
		Check: func(state tls.ConnectionState) error {
			return pgbackrest.CheckCertificate(state, address.TLSName, roots)
		},
	})
	return bucket, reason.Wrap(reason.ConfigInvalid, err)
}

// onlyPgbackrest refuses a bucket that this reader cannot read by what it lacks.
func (r Repository) onlyPgbackrest(option string) error {
	return reason.Errorf(reason.ConfigInvalid, "%s: repo%d-%s: only pgBackRest itself can read the objects of such a "+
		"bucket: leave out by -claims what reads them without it (encryption), or leave out -verify-cycle",
		r.Conf.Path, r.Key, option)
}
