package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

const (
	stanza = "bench"
	// makeTime bounds the making of one source: the largest takes some minutes.
	makeTime = time.Hour
	// askTime bounds a command that only says something.
	askTime = 10 * time.Second
)

// versions are those of the programs here that make and restore backups.
type versions struct{ postgresql, pgbackrest string }

// findVersions asks the newest server here, as a seeded source would take it.
func findVersions(ctx context.Context, provider sandbox.Provider) (v versions, err error) {
	machine, err := provider.Launch(ctx, sandbox.Spec{Stanza: stanza + "-look", Run: "bench"})
	if machine != nil {
		defer func() { err = errors.Join(err, machine.Destroy(context.WithoutCancel(ctx))) }()
	}
	if err != nil {
		return v, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	dir, err := (&source.Seeded{Machine: machine}).Newest(ctx)
	if err != nil {
		return v, err
	}
	server, err := machine.Run(ctx, host.Command{Argv: []string{filepath.Join(dir, "postgres"), "--version"}})
	if err != nil {
		return v, err
	}
	tool, err := machine.Run(ctx, host.Command{Argv: []string{"pgbackrest", "version"}})
	return versions{number(server.Stdout), number(tool.Stdout)}, err
}

// number is that of a version: "postgres (PostgreSQL) 16.1 (Debian ...)" is 16.1.
func number(line []byte) string {
	for word := range strings.FieldsSeq(string(line)) {
		if word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return strings.TrimSpace(string(line))
}

// made makes the source of a recipe, in a cluster of its own that is gone afterwards.
func (c cache) made(
	ctx context.Context, provider sandbox.Provider, r Recipe, say func(string, ...any),
) (s Source, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, makeTime, fmt.Errorf("%s was not made in %s", r, makeTime))
	defer cancel()
	machine, err := provider.Launch(ctx, sandbox.Spec{Stanza: stanza + "-source", Run: "bench"})
	seeded := &source.Seeded{Machine: machine, Stanza: stanza, Rows: r.rows()}
	defer func() { err = errors.Join(err, seeded.Close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return s, err
	}
	repository, err := seeded.Open(ctx, say)
	if err != nil {
		return s, err
	}
	if err = grow(ctx, seeded, r.Segments, say); err != nil {
		return s, err
	}
	conf, err := pgbackrest.ParseConfig(repository.Conf, repository.Content)
	if err != nil {
		return s, err
	}
	s = Source{Recipe: r, Passphrase: conf.Repo(stanza, 1).Option("cipher-pass")}
	if err = s.describe(ctx, seeded); err != nil {
		return s, err
	}
	if err = seeded.Stop(ctx); err != nil {
		return s, err
	}
	dir := conf.Repo(stanza, 1).Option("path")
	if s.RepositoryBytes, s.Replayed, err = count(dir, s.first); err != nil {
		return s, err
	}
	return c.take(ctx, s, dir)
}

// describe reads from the repository what a table says of it.
func (s *Source) describe(ctx context.Context, seeded *source.Seeded) error {
	answer, err := seeded.Ask(ctx, "info", "--output=json")
	if err != nil {
		return err
	}
	info, err := pgbackrest.ParseInfo(answer)
	if err != nil {
		return err
	}
	backups := info.Backups(1)
	if len(backups) == 0 {
		return errors.New("the source has no backup")
	}
	newest := backups[len(backups)-1]
	s.DatabaseBytes, s.Major, s.first = newest.Info.Size, info.Version(newest), newest.Archive.Start
	return nil
}

// segmentName is how long the name of a segment is.
const segmentName = 24

// count says how large a repository is, and how many segments follow the first one.
func count(dir, first string) (size int64, segments int, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		name, _, _ := strings.Cut(entry.Name(), "-") // and its checksum
		if len(name) == segmentName && name >= first && !strings.Contains(name, ".") {
			segments++
		}
		return nil
	})
	return size, segments, err
}
