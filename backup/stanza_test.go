package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
)

// healthy is the claim stanza: the repository says of itself that it is well, no backup
// was taken of damaged pages, and all of it is of one cluster: the one that is backed up.
func (b *check) healthy(ctx context.Context) error {
	if err := b.needInfo(); err != nil {
		return err
	}
	status := b.info.RepoStatus(b.settings.Repo)
	b.say("status %d, %s", status.Code, status.Message)
	if status.Code != pgbackrest.StatusOK {
		return reason.Errorf(reason.RepoCorrupt, "stanza %s, repository %d: %s", b.stanza, b.settings.Repo, pgbackrest.Printable(status.Message))
	}
	if err := b.noPageErrors(); err != nil {
		return err
	}
	return b.sameCluster(ctx)
}

// noPageErrors looks at what pgBackRest found when it took the backups.
func (b *check) noPageErrors() error {
	unknown := 0
	var damaged []string
	for _, backup := range b.backups {
		switch {
		case backup.Error == nil:
			unknown++
		case *backup.Error:
			damaged = append(damaged, backup.Label)
		}
	}
	if unknown > 0 {
		b.note("of %d backups nobody knows whether their pages are whole: the cluster has no checksums, or they were not checked", unknown)
	}
	if len(damaged) > 0 {
		return reason.Errorf(reason.PageChecksum, "taken of pages with a wrong checksum: %s", strings.Join(damaged, ", "))
	}
	b.say("%d backups, %d with their pages checked", len(b.backups), len(b.backups)-unknown)
	return nil
}

// sameCluster compares the system identifiers of the newest backup, of both info files
// and, where one can be asked, of the primary.
func (b *check) sameCluster(ctx context.Context) error {
	for _, db := range b.info.DB {
		if db.RepoKey == b.settings.Repo && db.ID > b.newest().Database.ID {
			return reason.Errorf(reason.NoBackup, "the stanza was upgraded to PostgreSQL %s, and no backup was taken since: take a full one", db.Version)
		}
	}
	want := b.info.SystemID(b.newest())
	of := map[string]string{}
	for _, file := range []string{"backup/" + b.stanza + "/backup.info", "archive/" + b.stanza + "/archive.info"} {
		id, err := b.systemID(ctx, file)
		if err != nil {
			return err
		}
		of[file] = id
	}
	id, err := b.primaryID(ctx)
	if err != nil {
		return err
	}
	if id != "" {
		of["the primary"] = id
	}
	for who, id := range of {
		if id != want {
			return reason.Errorf(reason.RepoCorrupt, "%s is of the cluster with system identifier %s, the newest backup %s is of %s", who, id, b.newest().Label, want)
		}
	}
	b.say("system identifier %s: backup %s, %s", want, b.newest().Label, strings.Join(slices.Sorted(maps.Keys(of)), ", "))
	return nil
}

// systemID is the one an info file holds.
func (b *check) systemID(ctx context.Context, file string) (string, error) {
	content, err := b.repo.Client.Get(ctx, file)
	if err != nil {
		if pgbackrest.Damaged(err) || errors.Is(err, pgbackrest.ErrNoFile) {
			return "", reason.Errorf(reason.RepoCorrupt, "%s cannot be read, only its copy: %w", file, err)
		}
		return "", reason.Wrap(reason.RepoUnreachable, err)
	}
	info, err := ini.LoadSources(ini.LoadOptions{KeyValueDelimiters: "="}, content)
	if err != nil || !strings.Contains(string(content), repository.InfoMark) {
		return "", reason.Errorf(reason.RepoCorrupt, "%s is no info file", file)
	}
	id := info.Section("db").Key("db-system-id").Value()
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return "", reason.Errorf(reason.RepoCorrupt, "%s names no system identifier", file)
	}
	return id, nil
}

// primaryID is the system identifier of the cluster that is backed up, "" when none can be asked.
func (b *check) primaryID(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := b.primary(ctx)
	if conn == nil || err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	var id string
	if err := conn.QueryRow(ctx, `SELECT system_identifier::text FROM pg_control_system()`).Scan(&id); err != nil {
		return "", b.unasked(err)
	}
	return id, nil
}

// unasked is a question the primary did not answer: no word on the backups.
func (b *check) unasked(err error) error {
	if b.seeded != nil {
		return reason.Wrap(reason.SandboxFailed, fmt.Errorf("ask the seeded cluster: %w", err))
	}
	return reason.Errorf(reason.ConfigInvalid, "-primary does not answer; its role needs pg_monitor: %s", pgbackrest.Printable(err.Error()))
}
