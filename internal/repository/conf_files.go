package repository

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// bundles are where systems keep the certificates they trust, all in one file.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch
	"/etc/pki/tls/certs/ca-bundle.crt",   // Red Hat
	"/etc/ssl/ca-bundle.pem",             // SUSE
	"/etc/ssl/cert.pem",                  // Alpine
}

// hostBundle is the name of the host's own certificates beside the conf.
const hostBundle = "host-ca-certificates.crt"

// confFiles are the files the conf names, by their paths, for a machine that does not have
// them; and the file of certificates to use there when the conf names none: this machine's
// own, because a private CA may stand there alone.
func (r Repository) confFiles(on sandbox.Sandbox) (files map[string][]byte, ca string, err error) {
	files = map[string][]byte{}
	for _, key := range r.Conf.Repos() {
		if err = r.Conf.readNamed(files, r.Conf.Repo(r.Stanza, key)); err != nil && key == r.Key {
			return nil, "", reason.Errorf(reason.ConfigInvalid, "%s names, for repository %d: %w", r.Conf.Path, key,
				err)
		}
	}
	repo := r.repo()
	if address, remote := repo.Address(); !remote || address.TLSName == "" || repo.CAFile()+repo.CAPath() != "" {
		return files, "", nil
	}
	content, err := firstOf(bundles)
	if err != nil {
		return nil, "", reason.Errorf(
			reason.ConfigInvalid,
			"%s gives no repo%d-storage-ca-file, and this machine has no certificates: apt-get install "+
				"ca-certificates: %w",
			r.Conf.Path,
			r.Key,
			err,
		)
	}
	ca = on.Dir("etc") + "/" + hostBundle
	files[ca] = content
	return files, ca, nil
}

// readNamed reads the files a repository's options name.
func (c Conf) readNamed(files map[string][]byte, repo pgbackrest.Repo) error {
	if file := repo.CAFile(); file != "" {
		content, err := c.read(file)
		if err != nil {
			return err
		}
		files[file] = content
	}
	return c.readCAPath(files, repo)
}

// hashed is how a certificate in a directory of them is called: OpenSSL looks for the hash of its subject, and sees
// nothing else, such as a key or a directory beside it.
var hashed = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)

// readCAPath reads the certificates in the directory that a repository's option names.
func (c Conf) readCAPath(files map[string][]byte, repo pgbackrest.Repo) error {
	dir := repo.CAPath()
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !hashed.MatchString(entry.Name()) {
			continue
		}
		file := filepath.Join(dir, entry.Name())
		content, failed := c.read(file)
		if errors.Is(failed, fs.ErrNotExist) { // a link to one that was removed
			continue
		}
		if failed != nil {
			return failed
		}
		files[file] = content
	}
	return nil
}

// firstOf reads the first of some files that is there.
func firstOf(paths []string) (content []byte, err error) {
	for _, path := range paths {
		if content, err = os.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return content, err
}
