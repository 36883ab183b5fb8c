// Package source is where backups come from: a repository somebody else made
// (Existing), or a cluster, a repository and backups made for this run (Seeded).
package source

import (
	"context"
	"io/fs"
)

// Repository is what a source hands to the drill.
type Repository struct {
	// Conf is the absolute path of the pgbackrest.conf, on this machine unless Content
	// is set.
	Conf string
	// Content is the conf for whoever only reads: with the reading pair of keys, where the
	// store has one. nil: read the file.
	Content []byte
	// Files are what the conf names, by path, where that may be on another machine.
	Files map[string][]byte
	// Mode and Owner (a user's name, or its number) are those of the file Conf.
	Mode  fs.FileMode
	Owner string
	// Stanza is the stanza's name; empty where the conf has to tell.
	Stanza string
}

// Source makes a repository available for one run.
type Source interface {
	// Open makes the backups be there and calls say with a line of progress for each thing it does.
	Open(ctx context.Context, say func(format string, args ...any)) (Repository, error)
	// Close ends and removes whatever Open started, also after Open failed. It may be called twice.
	Close(ctx context.Context) error
}
