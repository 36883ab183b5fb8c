package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Source is a repository that was made once, and lies in the cache.
type Source struct {
	Recipe
	Dir             string `json:"-"`
	Passphrase      string `json:"passphrase"` // of a repository of invented data
	Major           string `json:"major"`      // version of PostgreSQL of its backups
	DatabaseBytes   int64  `json:"database_bytes"`
	RepositoryBytes int64  `json:"repository_bytes"`
	Replayed        int    `json:"replayed"` // segments from the start of the last backup on

	first string // segment that the last backup began in, while it is made
}

const (
	sourceFile = "source.json"
	halfMade   = ".half" // what a source is called until it is whole
)

// bucket is what the S3 server serves of a source.
func (s Source) bucket() string { return filepath.Join(s.Dir, "bucket") }

// cache is a directory of sources. One run at a time works on it.
type cache struct{ dir string }

// openCache locks the cache until unlock, and removes what an interrupted run left of a source.
func openCache(dir string) (c cache, unlock func(), err error) {
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return c, nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	free, err := lock.TryLock()
	if err == nil && !free {
		err = errors.New("another bench is at work: two would measure each other")
	}
	if err != nil {
		return c, nil, err
	}
	c = cache{dir}
	unlock = func() { _ = lock.Unlock() }
	return c, unlock, c.remove(func(name string) bool { return strings.HasSuffix(name, halfMade) })
}

// find is the source of a recipe, when it is there.
func (c cache) find(r Recipe) (s Source, ok bool, err error) {
	dir := filepath.Join(c.dir, r.key())
	content, err := os.ReadFile(filepath.Join(dir, sourceFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	s.Dir = dir
	return s, err == nil, err
}

// take takes a repository out of the directory it was made in. The sources of its name that
// other versions or an earlier edition made are removed.
func (c cache) take(ctx context.Context, s Source, repository string) (Source, error) {
	half := filepath.Join(c.dir, s.key()+halfMade)
	s.Dir = half
	if err := os.MkdirAll(s.bucket(), 0o700); err != nil {
		return s, err
	}
	if err := move(ctx, repository, filepath.Join(s.bucket(), root)); err != nil {
		return s, err
	}
	content, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return s, err
	}
	s.Dir = filepath.Join(c.dir, s.key())
	err = os.WriteFile(filepath.Join(half, sourceFile), content, 0o600)
	if err == nil {
		err = c.remove(func(name string) bool {
			return strings.HasPrefix(name, s.Name+"-") && !strings.HasSuffix(name, halfMade)
		})
	}
	if err == nil {
		err = os.Rename(half, s.Dir)
	}
	return s, err
}

// root is where the repository is in its bucket.
const root = "pgbackrest"

// move moves a directory, also to another file system.
func move(ctx context.Context, from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("keep %s: %w", from, err)
	}
	return os.RemoveAll(from)
}

func (c cache) remove(which func(name string) bool) error {
	entries, err := os.ReadDir(c.dir)
	for _, entry := range entries {
		if entry.IsDir() && which(entry.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.dir, entry.Name())))
		}
	}
	return err
}
