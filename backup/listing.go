package backup

import (
	"context"
	"slices"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
)

// listing is one answer of the repository to the question which backups there are.
type listing struct {
	info    pgbackrest.Stanza
	infoErr error               // why it names none
	backups []pgbackrest.Backup // of the repository, oldest first
}

// ask asks a repository for its backups. What it says is for the claims to judge.
func ask(ctx context.Context, out suite.Out, client repository.Client) (l listing) {
	if l.info, l.infoErr = client.Info(ctx, out); l.infoErr == nil {
		l.backups = l.info.Backups(client.Key)
	}
	return l
}

// unjudgeable is an answer that is not the repository's fault: no claim can be judged then.
func (l listing) unjudgeable() error {
	if why, _ := reason.Of(l.infoErr); l.infoErr != nil && why.Exit() != reason.ExitFailed {
		return l.infoErr
	}
	return nil
}

// need is nil when the backups of a repository are known.
func (l listing) need(stanza string, repo int) error {
	if l.infoErr == nil && len(l.backups) == 0 {
		return reason.Errorf(reason.NoBackup, "stanza %s, repository %d: no backup is listed", stanza, repo)
	}
	return l.infoErr
}

// newest is the youngest backup set.
func (l listing) newest() pgbackrest.Backup { return l.backups[len(l.backups)-1] }

// labels are the names of backups.
func labels(backups []pgbackrest.Backup) (list []string) {
	for _, backup := range backups {
		list = append(list, backup.Label)
	}
	return list
}

// without are the words of a list that are not in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(word string) bool { return slices.Contains(other, word) })
}

// both are the words that are in both lists.
func both(list, other []string) []string { return without(list, without(list, other)) }

// orNone is a text for a sentence, also when it is empty.
func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
