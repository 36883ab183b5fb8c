package backup

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/suite"
)

// stanzaIsWell is the claim stanza: the repository says of itself that it is well, no backup
// was taken of damaged pages, and all of it is of one cluster: the one that is backed up.
func stanzaIsWell(ctx context.Context, out suite.Out, in opened) error {
	if err := in.needBackups(); err != nil {
		return err
	}
	status := in.info.RepoStatus(in.Settings.Repo)
	out.Say("status %d, %s", status.Code, status.Message)
	if status.Code != pgbackrest.StatusOK {
		return reason.Errorf(reason.RepoCorrupt, "stanza %s, repository %d: %s",
			in.Stanza(), in.Settings.Repo, pgbackrest.Printable(status.Message))
	}
	unknown, err := checkedPages(in.backups)
	if unknown > 0 {
		out.Note("of %d backups nobody knows whether their pages are whole: "+
			"the cluster has no checksums, or they were not checked", unknown)
	}
	if err != nil {
		return err
	}
	out.Say("%d backups, %d with their pages checked", len(in.backups), len(in.backups)-unknown)
	return oneCluster(ctx, out, in)
}

// checkedPages looks at what pgBackRest found when it took the backups. unknown is the number
// of those whose pages nobody looked at; the error names those with damaged pages.
func checkedPages(backups []pgbackrest.Backup) (unknown int, err error) {
	var damaged []string
	for _, backup := range backups {
		switch {
		case backup.Error == nil:
			unknown++
		case *backup.Error:
			damaged = append(damaged, backup.Label)
		}
	}
	if len(damaged) > 0 {
		err = reason.Errorf(reason.PageChecksum,
			"taken of pages with a wrong checksum: %s", strings.Join(damaged, ", "))
	}
	return unknown, err
}

// oneCluster compares the system identifiers of the newest backup, of both info files and,
// where one can be asked, of the primary.
func oneCluster(ctx context.Context, out suite.Out, in opened) error {
	if err := upgradedSince(in.listing); err != nil {
		return err
	}
	found := map[string]string{}
	files := []string{"backup/" + in.Stanza() + "/backup.info", "archive/" + in.Stanza() + "/archive.info"}
	for _, file := range files {
		content, err := in.Client.Pgbackrest.Get(ctx, file)
		if found[file], err = systemID(file, content, err); err != nil {
			return err
		}
	}
	id, unasked := primaryID(ctx, in)
	want := in.info.SystemID(in.newest())
	wrong := cmp.Or(allOf(want, in.newest().Label, found), primaryOf(id, want, in.newest().Label))
	if err := proved(out, wrong, unasked); err != nil {
		return err
	}
	if id != "" {
		found["the primary"] = id
	}
	out.Say("system identifier %s: backup %s, %s",
		want, in.newest().Label, strings.Join(slices.Sorted(maps.Keys(found)), ", "))
	return nil
}

// upgradedSince refuses a stanza that was upgraded to another cluster version without a
// backup taken since.
func upgradedSince(l listing) error {
	if now, upgraded := l.info.UpgradedSince(l.newest()); upgraded {
		return reason.Errorf(reason.NoBackup,
			"the stanza was upgraded to PostgreSQL %s, and no backup was taken since: take a full one", now.Version)
	}
	return nil
}

// allOf says whether everything that was asked names the system identifier of a backup.
func allOf(want, label string, found map[string]string) error {
	for _, where := range slices.Sorted(maps.Keys(found)) {
		if found[where] != want {
			return reason.Errorf(reason.RepoCorrupt,
				"%s is of the cluster with system identifier %s, the newest backup %s is of %s",
				where, found[where], label, want)
		}
	}
	return nil
}

// systemID is the one an info file holds; err is what reading it came to.
func systemID(file string, content []byte, err error) (string, error) {
	switch {
	case err != nil && (pgbackrest.Damaged(err) || errors.Is(err, pgbackrest.ErrNoFile)):
		return "", reason.Errorf(reason.RepoCorrupt, "%s cannot be read, only its copy: %w", file, err)
	case err != nil:
		return "", reason.Wrap(reason.RepoUnreachable, err)
	}
	info, err := ini.LoadSources(ini.LoadOptions{KeyValueDelimiters: "="}, content)
	if err != nil || !strings.Contains(string(content), repository.InfoMark) {
		return "", reason.Errorf(reason.RepoCorrupt, "%s is no info file", file)
	}
	id := info.Section("db").Key("db-system-id").Value()
	if _, err = strconv.ParseUint(id, 10, 64); err != nil {
		return "", reason.Errorf(reason.RepoCorrupt, "%s names no system identifier", file)
	}
	return id, nil
}

// primaryID is the system identifier of the cluster that is backed up, "" when none can be asked or it does
// not say.
func primaryID(ctx context.Context, in opened) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := in.Primary(ctx)
	if conn == nil || err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	if id, err = session.SystemID(ctx, conn); err != nil {
		return "", in.Unanswered(err)
	}
	return id, nil
}
