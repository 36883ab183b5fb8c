package repository

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// includedFile are the names that pgBackRest takes from conf.d.
var includedFile = regexp.MustCompile(`.+\.conf$`)

// DefaultPlace is the conf that pgBackRest reads when nobody gives --config, below root ("" is
// this machine's own): the old place counts only when there is none at the new one. It is the
// new one where neither is there.
func DefaultPlace(root string) string {
	for _, path := range []string{pgbackrest.DefaultConfig, pgbackrest.FallbackConfig} {
		if _, err := os.Stat(root + path); err == nil {
			return root + path
		}
	}
	return root + pgbackrest.DefaultConfig
}

// includedBeside are the files of conf.d that belong to a conf, in the order pgBackRest reads
// them. There are some only for the conf at the default place, however its path is spelled:
// pgBackRest leaves conf.d out for any other --config.
func includedBeside(path, root string) (files []pgbackrest.ConfFile, err error) {
	if !sameFile(path, DefaultPlace(root)) {
		return nil, nil
	}
	directory := root + pgbackrest.DefaultInclude
	entries, err := os.ReadDir(directory)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, reason.Errorf(reason.ConfigInvalid, "-conf: %w", err)
	}
	for _, entry := range entries { // sorted by name
		if !includedFile.MatchString(entry.Name()) {
			continue
		}
		file := pgbackrest.ConfFile{Path: filepath.Join(directory, entry.Name())}
		if file.Content, err = os.ReadFile(file.Path); err != nil {
			return nil, reason.Errorf(reason.ConfigInvalid, "-conf: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// sameFile says whether two paths lead to one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// Included are the paths of the files of conf.d on this machine that belong to the conf.
func (c Conf) Included() (paths []string) {
	for _, name := range c.included() {
		paths = append(paths, filepath.Join(pgbackrest.DefaultInclude, name))
	}
	slices.Sort(paths)
	return paths
}
