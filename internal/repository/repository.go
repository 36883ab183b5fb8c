package repository

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// doubtfulTimeout is how long pgBackRest may try a store whose certificate looks
// wrong to us before we are believed; it would go on for minutes.
const doubtfulTimeout = 20 * time.Second

// Repository is one repository of one stanza, asked through Client.
type Repository struct {
	Conf   Conf
	Stanza string
	Key    int
	Client *pgbackrest.Client
	// Say prints a line; Note prints one that the report keeps.
	Say, Note func(format string, args ...any)

	trouble error // what looks wrong with the object store's certificate
}

// repo are the options of the repository.
func (r *Repository) repo() pgbackrest.Repo { return r.Conf.Repo(r.Stanza, r.Key) }

// Check refuses a conf that cannot be meant: no such repository, one shown as it was
// then (config_invalid), placeholders for secrets (placeholder_secret).
func (r *Repository) Check() error {
	if err := r.Conf.CheckRepo(r.Stanza, r.Key); err != nil {
		return err
	}
	if err := r.repo().CheckNow(); err != nil {
		return err
	}
	return r.repo().CheckSecrets()
}

// ClientOn is a pgBackRest whose paths are all the machine's own.
func (r *Repository) ClientOn(on sandbox.Sandbox) *pgbackrest.Client {
	client := &pgbackrest.Client{
		Host: on, Config: on.Dir("etc") + "/" + confName, Stanza: r.Stanza, Repo: r.Key,
		Data: on.Dir("data"), Lock: on.Dir("lock"), Log: on.Dir("log"), Spool: on.Dir("spool"),
		Patience: r.Conf.Patience(r.Stanza),
	}
	if len(r.Conf.include) > 0 {
		client.Include = on.Dir("etc") + "/" + includeName
	}
	return client
}

// Equip puts the conf onto a machine, with the files it names unless the machine sees
// those of this one (here), and makes it the machine that asks.
func (r *Repository) Equip(ctx context.Context, on sandbox.Sandbox, here bool) error {
	var named map[string][]byte
	var ca string
	var err error
	if !here {
		if named, ca, err = r.Conf.Named(r.Stanza, r.Key, on); err != nil {
			return err
		}
	}
	if err = r.Conf.Install(ctx, on, named); err != nil {
		return err
	}
	r.Client = r.ClientOn(on)
	r.Client.CAFile = ca
	return nil
}

// Reach tries the way to the object store: pgBackRest would retry a dead one for minutes.
func (r *Repository) Reach(ctx context.Context, from pgbackrest.Dialer) error {
	address, remote := r.repo().Address()
	if !remote {
		r.Say("repository %d: %s, on this machine", r.Key, r.repo().Type())
		return nil
	}
	roots, err := r.Conf.Roots(r.repo())
	if err != nil {
		return err
	}
	start := time.Now()
	trouble, err := pgbackrest.Probe(ctx, from, address, roots)
	if err != nil {
		return err
	}
	r.Say("repository %d: %s at %s answers in %d ms", r.Key, r.repo().Type(), address, time.Since(start).Milliseconds())
	if r.repo().VerifyTLS() {
		r.trouble = trouble
	}
	return nil
}

// Info asks the repository for its backups. The command's exit status is 0
// whatever it finds (facts A3), so the status inside the answer decides.
func (r *Repository) Info(ctx context.Context) (pgbackrest.Stanza, error) {
	if r.trouble != nil {
		r.Note("warning: the object store's certificate looks wrong: %s", r.trouble)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, doubtfulTimeout,
			reason.Errorf(reason.UntrustedCertificate, "the object store's certificate is not accepted: %w", r.trouble))
		defer cancel()
		r.Client.Doubt = true
	}
	info, err := r.Client.Info(ctx)
	if errors.Is(err, pgbackrest.ErrUnreadableInfo) {
		return info, r.unreadable(ctx, err.Error())
	}
	if err != nil {
		return info, reason.Wrap(reason.RepoUnreachable, err)
	}
	status := info.RepoStatus(r.Key)
	switch status.Code {
	case pgbackrest.StatusMissingPath, pgbackrest.StatusNoBackups:
		return info, reason.Errorf(reason.NoBackup, "stanza %s, repository %d: %s", r.Stanza, r.Key, status.Message)
	case pgbackrest.StatusMissingData:
		return info, r.missingData(ctx, status.Message)
	case pgbackrest.StatusError:
		return info, r.unreadable(ctx, status.Message)
	}
	return info, nil
}

// missingData tells a stanza that holds nothing from one that lost its backup.info.
func (r *Repository) missingData(ctx context.Context, message string) error {
	files, err := r.Client.List(ctx, "backup/"+r.Stanza)
	if err != nil {
		return reason.Wrap(reason.RepoUnreachable, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Path, "/backup.manifest") {
			return reason.Errorf(reason.RepoCorrupt, "stanza %s has backups, but backup.info and its copy are missing (%s)", r.Stanza, message)
		}
	}
	return reason.Errorf(reason.NoBackup, "stanza %s, repository %d: %s", r.Stanza, r.Key, message)
}

// unreadable finds out why backup.info or archive.info cannot be read. A wrong
// passphrase and a damaged file look alike there, so every info file is asked: when
// one opens, the passphrase is right.
func (r *Repository) unreadable(ctx context.Context, message string) error {
	if why, ok := pgbackrest.Classify(0, message); ok {
		return reason.Errorf(why, "pgbackrest info: %s", pgbackrest.Printable(message))
	}
	encrypted, seen := r.repo().Encrypted(), false
	for _, name := range InfoFiles {
		content, err := r.Client.Get(ctx, fmt.Sprintf(name, r.Stanza))
		switch {
		case errors.Is(err, pgbackrest.ErrNoFile):
			continue
		case err != nil && !pgbackrest.Damaged(err): // the store or this machine, since then: no word on the passphrase
			return reason.Wrap(reason.RepoUnreachable, err)
		case err == nil && strings.Contains(string(content), InfoMark):
			return reason.Errorf(reason.RepoCorrupt, "backup.info or archive.info of the stanza is missing or damaged: %s", pgbackrest.Printable(message))
		case err == nil && strings.HasPrefix(string(content), "Salted__"):
			return reason.Errorf(reason.WrongCipher, "the repository is encrypted, and the conf has no repo%d-cipher-type", r.Key)
		}
		seen = true
	}
	if encrypted && seen {
		return reason.Errorf(reason.WrongCipher, "repo%d-cipher-pass opens neither backup.info nor archive.info", r.Key)
	}
	return reason.Errorf(reason.RepoCorrupt, "neither backup.info nor archive.info can be read: %s", pgbackrest.Printable(message))
}

// InfoFiles are the files every stanza has, with the stanza's name left open, and
// InfoMark is what stands in each of them once it is decrypted.
var InfoFiles = []string{"archive/%s/archive.info", "archive/%s/archive.info.copy", "backup/%s/backup.info", "backup/%s/backup.info.copy"}

// InfoMark is the section every info file begins with.
const InfoMark = "[backrest]"
