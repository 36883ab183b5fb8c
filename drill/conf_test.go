package drill

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

const (
	confName    = "pgbackrest.conf"
	includeName = "conf.d"
)

// conf is a pgbackrest.conf with the files pgBackRest would read beside it.
type conf struct {
	content []byte
	include map[string][]byte // by base name
	parsed  *pgbackrest.Config
}

// readConf reads the source's conf and settles the stanza.
func (d *drill) readConf(from source.Repository) (err error) {
	if d.conf, err = loadConf(from.Conf); err != nil {
		return err
	}
	wanted := d.settings.Stanza
	if wanted == "" {
		wanted = from.Stanza
	}
	d.stanza, err = d.conf.parsed.Stanza(wanted)
	return err
}

// loadConf reads a conf. conf.d belongs to it only at the default place: pgBackRest
// leaves it out for any other --config.
func loadConf(path string) (conf, error) {
	c := conf{include: map[string][]byte{}}
	var err error
	if c.content, err = os.ReadFile(path); err != nil {
		return c, reason.Errorf(reason.ConfigInvalid, "-conf: %w", err)
	}
	var included []string
	if path == pgbackrest.DefaultConfig {
		if included, err = filepath.Glob(filepath.Join(filepath.Dir(path), includeName, "*.conf")); err != nil {
			return c, reason.Wrap(reason.ConfigInvalid, err)
		}
	}
	slices.Sort(included)
	var more [][]byte
	for _, name := range included {
		content, readErr := os.ReadFile(name)
		if readErr != nil {
			return c, reason.Errorf(reason.ConfigInvalid, "-conf: %w", readErr)
		}
		c.include[filepath.Base(name)] = content
		more = append(more, content)
	}
	c.parsed, err = pgbackrest.ParseConfig(path, c.content, more...)
	return c, err
}

// files are what a machine needs to use the conf, by path below its etc directory.
func (c conf) files() map[string][]byte {
	files := map[string][]byte{confName: c.content}
	for name, content := range c.include {
		files[includeName+"/"+name] = content
	}
	return files
}

// roots are the certificates the conf trusts: its CA file, else this machine's own (nil).
func (c conf) roots(repo pgbackrest.Repo) (*x509.CertPool, error) {
	file := repo.CAFile()
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid, "repo%d-storage-ca-file: %w", repo.Key, err)
	}
	pool := x509.NewCertPool() // of a directory of certificates only pgBackRest knows
	pool.AppendCertsFromPEM(content)
	return pool, nil
}
