package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// doubtfulTimeout is how long pgBackRest may try a store whose certificate looks
// wrong to us before we are believed; it would go on for minutes.
const doubtfulTimeout = 20 * time.Second

// Info asks the repository for its backups. The command's exit status is 0
// whatever it finds (facts A3), so the status inside the answer decides.
func (c Client) Info(ctx context.Context, log Log) (pgbackrest.Stanza, error) {
	if c.doubt != nil {
		log.Note("warning: the object store's certificate looks wrong: %s", c.doubt)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, doubtfulTimeout,
			reason.Errorf(reason.UntrustedCertificate, "the object store's certificate is not accepted: %w", c.doubt))
		defer cancel()
	}
	info, err := c.Pgbackrest.Info(ctx)
	if errors.Is(err, pgbackrest.ErrUnreadableInfo) {
		return info, c.unreadable(ctx, err.Error())
	}
	if err != nil && c.ownRights(err.Error()) {
		return info, c.mayNotRead(err.Error())
	}
	if err != nil {
		return info, cmp.Or(c.hostFault(err.Error()), reason.Wrap(reason.RepoUnreachable, err))
	}
	status := info.RepoStatus(c.Key)
	switch status.Code {
	case pgbackrest.StatusMissingPath, pgbackrest.StatusNoBackups:
		return info, reason.Errorf(reason.NoBackup, "stanza %s, repository %d: %s", c.Stanza, c.Key, status.Message)
	case pgbackrest.StatusMissingData:
		return info, c.missingData(ctx, status.Message)
	case pgbackrest.StatusError:
		return info, c.unreadable(ctx, status.Message)
	}
	return info, nil
}

// ownRights says whether the user who asks may not even look into a repository that lies on
// its own machine. That is a matter of who is asked to drill, and no word on the backups; a
// store or a host that says no, and one file among others that may not be read, are.
func (c Client) ownRights(message string) bool {
	_, remote := c.Address()
	return !remote && strings.Contains(message, "[13] Permission denied")
}

func (c Client) mayNotRead(message string) error {
	return reason.Errorf(reason.ConfigInvalid, "the user who runs pgbackrest here may not read repository %d: let it "+
		"(a group of its own will do), or run this as the user whose it is: %s", c.Key, pgbackrest.Printable(message))
}

// missingData tells a stanza that holds nothing from one that lost its backup.info.
func (c Client) missingData(ctx context.Context, message string) error {
	files, err := c.Pgbackrest.List(ctx, "backup/"+c.Stanza)
	if err != nil {
		return reason.Wrap(reason.RepoUnreachable, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Path, "/backup.manifest") {
			return reason.Errorf(reason.RepoCorrupt,
				"stanza %s has backups, but backup.info and its copy are missing (%s)", c.Stanza, message)
		}
	}
	return reason.Errorf(reason.NoBackup, "stanza %s, repository %d: %s", c.Stanza, c.Key, message)
}

// unreadable finds out why backup.info or archive.info cannot be read. A wrong
// passphrase and a damaged file look alike there, so every info file is asked: when
// one opens, the passphrase is right.
func (c Client) unreadable(ctx context.Context, message string) error {
	if c.ownRights(message) {
		return c.mayNotRead(message)
	}
	if err := c.hostFault(message); err != nil {
		return err
	}
	if why, ok := pgbackrest.Classify(0, message); ok {
		return reason.Errorf(why, "pgbackrest info: %s", pgbackrest.Printable(message))
	}
	encrypted, seen, foreign := c.repo().Encrypted(), false, true
	for _, name := range InfoFiles {
		content, err := c.Pgbackrest.Get(ctx, fmt.Sprintf(name, c.Stanza))
		switch {
		case errors.Is(err, pgbackrest.ErrNoFile):
			continue
		case err != nil && !pgbackrest.Damaged(err): // the store or this machine, since then: no word on the passphrase
			return reason.Wrap(reason.RepoUnreachable, err)
		case err == nil && strings.Contains(string(content), InfoMark):
			return reason.Errorf(reason.RepoCorrupt,
				"backup.info or archive.info of the stanza is missing or damaged: %s", pgbackrest.Printable(message))
		case err == nil && strings.HasPrefix(string(content), cipherMark):
			return reason.Errorf(reason.WrongCipher,
				"the repository is encrypted, and the conf has no repo%d-cipher-type", c.Key)
		}
		seen, foreign = true, foreign && c.foreign(ctx, fmt.Sprintf(name, c.Stanza))
	}
	if encrypted && seen && foreign {
		return reason.Errorf(reason.RepoCorrupt, "neither backup.info nor archive.info begins as pgBackRest writes "+
			"it, encrypted or not: somebody else overwrote them: %s", pgbackrest.Printable(message))
	}
	if encrypted && seen {
		return reason.Errorf(reason.WrongCipher, "repo%d-cipher-pass opens neither backup.info nor archive.info", c.Key)
	}
	return reason.Errorf(reason.RepoCorrupt, "neither backup.info nor archive.info can be read: %s",
		pgbackrest.Printable(message))
}

// foreign says whether an info file was written by somebody else: it is neither encrypted nor a plain one.
// No passphrase opens such a file. One that cannot be read says nothing.
func (c Client) foreign(ctx context.Context, name string) bool {
	content, err := c.Pgbackrest.GetRaw(ctx, name)
	return err == nil && !strings.HasPrefix(string(content), cipherMark) && !strings.Contains(string(content), InfoMark)
}

// cipherMark is what an encrypted file begins with (src/common/crypto/cipherBlock.c).
const cipherMark = "Salted__"

// InfoFiles are the files every stanza has, with the stanza's name left open, and
// InfoMark is what stands in each of them once it is decrypted.
var InfoFiles = []string{
	"archive/%s/archive.info",
	"archive/%s/archive.info.copy",
	"backup/%s/backup.info",
	"backup/%s/backup.info.copy",
}

// InfoMark is the section every info file begins with.
const InfoMark = "[backrest]"
