package backup

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// seededCheck asks claims of a small seeded source of its own.
type seededCheck struct {
	opened
	ctx context.Context
	out suite.Out
}

// seedCheck seeds a source, with options of pgbackrest.conf that are not the policy's, and
// opens it; nil where an existing repository is checked: nobody seeds a cluster on a machine
// of production.
func seedCheck(t *testing.T, name string, options ...string) *seededCheck {
	t.Helper()
	if testing.Short() {
		t.Skip("seeds a cluster")
	}
	env := bind()
	seed := env.Seed
	given, err := pending.Load(os.Environ())
	if err != nil || given.Conf != "" || seed == nil {
		return nil // TestBackup says what is wrong with a setting
	}
	t.Parallel()
	given.Stanza, given.Repo = "", 1
	env.Stanza += "-" + name
	env.Seed = func(ctx context.Context, s settings.Settings, spec sandbox.Spec) (*source.Seeded, error) {
		s.Rows = 1000
		seeded, failure := seed(ctx, s, spec)
		if seeded != nil {
			seeded.Options = slices.Clone(options)
		}
		return seeded, failure
	}
	c := &seededCheck{ctx: suite.Context(t), out: suite.NewOut(t)}
	t.Cleanup(func() {
		late, cancel := suite.Cleanup()
		defer cancel()
		assert.NoError(t, c.out.Undone(late))
	})
	c.opened, err = openSource(c.ctx, c.out, session.Request{Environment: env, Settings: given, Suffix: suffix})
	require.NoError(t, err)
	require.NoError(t, c.infoErr)
	return c
}

// ask asks one claim.
func (c *seededCheck) ask(claim func(context.Context, suite.Out, opened) error) error {
	return claim(c.ctx, c.out, c.opened)
}

func requireReason(t *testing.T, want reason.Reason, err error) {
	t.Helper()
	why, _ := reason.Of(err)
	require.Equal(t, want, why, "%v", err)
}

// of makes backups, oldest first, of labels that end in the letter of their type: F, D or I.
// Each ends an hour after the one before it.
func of(names ...string) (list []pgbackrest.Backup) {
	types := map[byte]string{'F': "full", 'D': "diff", 'I': "incr"}
	for i, name := range names {
		b := pgbackrest.Backup{Label: name, Type: types[name[len(name)-1]]}
		b.Database = pgbackrest.Database{ID: 1, RepoKey: 1}
		b.Timestamp.Stop = time.Date(2026, 11, 22, i, 0, 0, 0, time.UTC).Unix()
		list = append(list, b)
	}
	return list
}
