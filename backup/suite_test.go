package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// check is what the claims share.
type check struct {
	t      *testing.T
	claim_ *testing.T // the running claim, else t
	ctx    context.Context
	run    string
	env    environment.Environment
	alone  bool // a source of its own, whatever -conf says
	asked  []string

	settings settings.Settings
	lock     *sandbox.Lock
	seeded   *source.Seeded // nil for an existing source
	origin   source.Repository
	control  sandbox.Sandbox
	repo     *repository.Repository
	stanza   string

	info    pgbackrest.Stanza
	infoErr error
	backups []pgbackrest.Backup // of the repository, oldest first
}

// begin opens the source and decides which claims are asked. What keeps it from doing so
// fails the test itself.
func begin(t *testing.T) *check {
	t.Helper()
	b := newCheck(t)
	suite.Label(t, "environment", b.env.Name)
	if err := b.open(b.ctx); err != nil {
		suite.Fail(t, b.judge(err), reason.SandboxFailed)
		t.FailNow()
	}
	b.choose()
	return b
}

// newCheck is a check that has opened nothing yet, and closes what it will.
func newCheck(t *testing.T) *check {
	t.Helper()
	b := &check{t: t, claim_: t, ctx: suite.Context(t), run: strings.ToLower(rand.Text()[:10]), env: bind()}
	b.repo = &repository.Repository{Say: b.say, Note: b.note}
	t.Cleanup(b.close)
	return b
}

// claim runs one claim as a subtest, if it is asked.
func (b *check) claim(name string, prove func(context.Context) error) {
	if !slices.Contains(b.asked, name) {
		return
	}
	b.t.Run(name, func(t *testing.T) {
		b.claim_ = t
		defer func() { b.claim_ = b.t }()
		if err := prove(b.ctx); err != nil {
			suite.Fail(t, b.judge(err), fallback(name))
		}
	})
}

// fallback is the reason of a claim whose error carries none.
func fallback(name string) reason.Reason {
	for _, claim := range suite.Backup.Steps {
		if claim.Name == name {
			return claim.Default
		}
	}
	return reason.SandboxFailed
}

// judge says what an error means for the verdict: when the run was stopped, that is the
// reason, whatever the killed child said.
func (b *check) judge(err error) error {
	if b.ctx.Err() != nil {
		return fmt.Errorf("%w (%s)", context.Cause(b.ctx), pgbackrest.Printable(err.Error()))
	}
	if errors.Is(err, host.ErrNotFound) {
		return reason.Wrap(reason.ToolMissing, err)
	}
	return err
}

// choose decides which claims are asked, and publishes it.
func (b *check) choose() {
	for _, claim := range suite.Backup.Steps {
		if why := b.notAsked(claim.Name); why != "" {
			b.note("%s is not asked: %s", claim.Name, why)
			continue
		}
		b.asked = append(b.asked, claim.Name)
	}
	suite.Asked(b.t, b.asked)
	for _, key := range b.repo.Conf.Repos() {
		if key != b.settings.Repo {
			b.note("repository %d of the conf is not looked at: -repo %d checks it", key, key)
		}
	}
	if b.seeded == nil && b.settings.Primary == "" {
		b.note("archive asks the repository alone: -primary names no primary to ask for its settings and failures")
	}
}

// notAsked is why a claim is not asked; "" when it is.
func (b *check) notAsked(claim string) string {
	switch {
	case b.seeded != nil:
	case claim == "retention":
		return "it takes many backups, which only a seeded source is there for"
	case claim == "rpo" && (b.settings.Primary == "" || !b.settings.Write):
		return "it writes a row on the primary, which takes -primary and -write"
	}
	return ""
}

// primary opens a session on the cluster that is backed up; nil when none is named.
func (b *check) primary(ctx context.Context) (*pgx.Conn, error) {
	switch {
	case b.seeded != nil:
		conn, err := b.seeded.Connect(ctx)
		return conn, reason.Wrap(reason.SandboxFailed, err)
	case b.settings.Primary != "":
		return postgres.Primary(ctx, b.settings.Primary)
	}
	return nil, nil
}

// say prints one line of the running claim.
func (b *check) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.claim_.Output(), format+"\n", args...) // a line nobody can read any more is no fault
}

// note prints a line and keeps it for the report.
func (b *check) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.say("%s", text)
	suite.Note(b.claim_, text)
}

// metric publishes a measurement of the running claim.
func (b *check) metric(name string, value float64, labels ...string) {
	suite.Metric(b.claim_, name, value, labels...)
}

// newest is the youngest backup set.
func (b *check) newest() pgbackrest.Backup { return b.backups[len(b.backups)-1] }

// needInfo is nil when the backups are known: a claim about them cannot be judged otherwise.
func (b *check) needInfo() error {
	if b.infoErr == nil && len(b.backups) == 0 {
		return reason.Errorf(reason.NoBackup, "stanza %s, repository %d: no backup is listed", b.stanza, b.settings.Repo)
	}
	return b.infoErr
}
