// Package repository is one pgBackRest repository as a drill and the backup checks see
// it: its pgbackrest.conf with the files that names, the way to the store, what the
// repository says of itself, and its archive. All of it is asked from some machine and
// nothing is ever written.
package repository

import (
	"context"
	"crypto/x509"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

const (
	confName    = "pgbackrest.conf"
	includeName = "conf.d"
)

// Conf is a pgbackrest.conf with the files pgBackRest would read beside it.
type Conf struct {
	*pgbackrest.Config
	content []byte
	include map[string][]byte // conf.d, by base name
	brought map[string][]byte // files it names that are not on this machine, by path
}

// Load reads a source's conf, with conf.d where that belongs to it. What is wrong with it is
// config_invalid.
func Load(from source.Repository) (Conf, error) {
	c := Conf{content: from.Content, include: map[string][]byte{}, brought: from.Files}
	var err error
	var more []pgbackrest.ConfFile
	if c.content == nil {
		if c.content, err = os.ReadFile(from.Conf); err != nil {
			return c, reason.Errorf(reason.ConfigInvalid, "-conf: %w", err)
		}
		if more, err = includedBeside(from.Conf, ""); err != nil {
			return c, err
		}
	}
	for _, file := range more {
		c.include[filepath.Base(file.Path)] = file.Content
	}
	c.Config, err = pgbackrest.ParseConfig(from.Conf, c.content, more...)
	return c, err
}

// files are what a machine needs to use the conf, by path below its etc directory.
func (c Conf) files() map[string][]byte {
	files := map[string][]byte{confName: c.content}
	for name, content := range c.include {
		files[includeName+"/"+name] = content
	}
	return files
}

// install puts the conf where the machine's commands find it: a copy, byte for byte,
// with more files by path.
func (c Conf) install(ctx context.Context, on sandbox.Sandbox, more map[string][]byte) error {
	files := map[string][]byte{}
	maps.Copy(files, more)
	for name, content := range c.files() {
		files[on.Dir("etc")+"/"+name] = content
	}
	if len(c.include) > 0 {
		bound, cancel := context.WithTimeout(ctx, lookupTime)
		defer cancel()
		mkdir := host.Command{Argv: []string{"mkdir", "-p", on.Dir("etc") + "/" + includeName}}
		if _, err := on.Run(bound, mkdir); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	for path, content := range files {
		if err := on.Put(ctx, path, content, 0o640, ""); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	return nil
}

// included are the names in conf.d, in the order pgBackRest reads them.
func (c Conf) included() []string { return slices.Sorted(maps.Keys(c.include)) }

// Roots are the certificates the conf trusts: those of its CA file and its directory of certificates, else this
// machine's own (nil).
func (c Conf) Roots(repo pgbackrest.Repo) (*x509.CertPool, error) {
	if repo.CAFile()+repo.CAPath() == "" {
		return nil, nil
	}
	content, err := c.CA(repo)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(content)
	files := map[string][]byte{}
	if err = c.readCAPath(files, repo); err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid, "repo%d-storage-ca-path: %w", repo.Key, err)
	}
	for _, content = range files {
		pool.AppendCertsFromPEM(content)
	}
	return pool, nil
}

// CA is the content of the CA file the conf names; nil where it names none.
func (c Conf) CA(repo pgbackrest.Repo) ([]byte, error) {
	file := repo.CAFile()
	if file == "" {
		return nil, nil
	}
	content, err := c.read(file)
	if err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid, "repo%d-storage-ca-file: %w", repo.Key, err)
	}
	return content, nil
}

// read reads a file the conf names.
func (c Conf) read(path string) ([]byte, error) {
	if content, ok := c.brought[path]; ok {
		return content, nil
	}
	return os.ReadFile(path)
}
