package repository

import (
	"path"
	"strings"

	"veza.fr/recovery/internal/objectstore"
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
	}
	ca, err := r.Conf.CA(repo)
	if err != nil {
		return nil, err
	}
	bucket, err := objectstore.NewBucket(objectstore.Location{
		Endpoint: repo.Endpoint(), Host: address.Host, Port: address.Port,
		Bucket: repo.Option("s3-bucket"), Region: repo.Option("s3-region"),
		Root: strings.Trim(repo.Path(),
			"/"), Key: repo.Option("s3-key"), Secret: repo.Option("s3-key-secret"), Token: repo.Option("s3-token"),
		CA: ca, PathStyle: repo.Option("s3-uri-style") == "path", VerifyTLS: repo.VerifyTLS(),
		Plain: address.TLSName == "", Dial: dial,
	})
	return bucket, reason.Wrap(reason.ConfigInvalid, err)
}
