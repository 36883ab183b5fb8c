package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
)

// nothingIsReadable is the claim encryption: whoever reads the bucket without pgBackRest finds
// nothing of the stanza's data, and whoever has another passphrase cannot read it with pgBackRest.
func nothingIsReadable(ctx context.Context, out suite.Out, in opened) error {
	if why, _ := reason.Of(in.infoErr); why == reason.UntrustedCertificate {
		return in.infoErr // by pgBackRest itself
	}
	objects, raw := in.Client.Objects(in.Control.Dial)
	if raw == nil {
		raw = readWithoutPgbackrest(ctx, out, objects, in.Stanza())
	}
	if why, _ := reason.Of(raw); raw != nil && why.Exit() != reason.ExitFailed {
		return raw
	}
	return errors.Join(raw, otherPassphrase(ctx, out, in))
}

// otherPassphrase asks pgBackRest itself, with a passphrase that is not the right one.
// The right one must open what the other one does not, or nothing is proved.
func otherPassphrase(ctx context.Context, out suite.Out, in opened) error {
	file := fmt.Sprintf(repository.InfoFiles[2], in.Stanza())
	content, err := in.Client.Pgbackrest.Get(ctx, file)
	if err = opensWithOwn(file, content, err, in.infoErr); err != nil {
		return err
	}
	other, err := in.Client.WithConf(ctx, in.Control, func(conf []byte) []byte {
		return changePassphrase(conf, rand.Text()+rand.Text())
	})
	if err != nil {
		return err
	}
	content, err = other.Get(ctx, file)
	if failed := staysShut(file, content, err); failed != nil {
		return failed
	}
	out.Say("another passphrase opens nothing: %s", pgbackrest.Printable(fmt.Sprint(err)))
	return nil
}

// opensWithOwn is nil when a file can be read with the passphrase of the conf. infoErr is what
// pgbackrest info came to: where there is one, it says why not.
func opensWithOwn(file string, content []byte, err, infoErr error) error {
	switch {
	case err != nil && !pgbackrest.Damaged(err) && !errors.Is(err, pgbackrest.ErrNoFile):
		return reason.Wrap(reason.RepoUnreachable, err) // it says nothing about the repository
	case err != nil || !strings.Contains(string(content), repository.InfoMark):
		return errors.Join(infoErr, reason.Errorf(reason.RepoCorrupt,
			"%s cannot be read with the passphrase of the conf: %v", file, err))
	}
	return nil
}

// staysShut is nil when a file cannot be read with another passphrase.
func staysShut(file string, content []byte, err error) error {
	switch {
	case err == nil && strings.Contains(string(content), repository.InfoMark):
		return reason.Errorf(reason.NotEncrypted, "%s can be read with any passphrase", file)
	case err == nil || pgbackrest.Damaged(err):
		return nil
	}
	return reason.Wrap(reason.RepoUnreachable, err) // it says nothing about the passphrase
}

var passphraseLine = regexp.MustCompile(`(?m)^(\s*repo[0-9]*-cipher-pass\s*=).*$`)

// changePassphrase gives every repository of a conf another passphrase.
func changePassphrase(conf []byte, passphrase string) []byte {
	return passphraseLine.ReplaceAll(conf, []byte("${1}"+passphrase))
}
