package backup

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
)

// noMachines is a provider that has nothing to remove and makes nothing.
type noMachines struct{}

func (noMachines) Kept(context.Context) ([]sandbox.Kept, error)   { return nil, nil }
func (noMachines) Environment() string                            { return "process" }
func (noMachines) Reap(context.Context, string) ([]string, error) { return nil, nil }
func (noMachines) Launch(context.Context, sandbox.Spec) (sandbox.Sandbox, error) {
	return nil, errors.New("a machine was launched")
}

// openWith opens a run with these flags, on machines that cannot be made.
func openWith(t *testing.T, flags ...string) (*record, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // where locks are left
	set := flag.NewFlagSet("test", flag.ContinueOnError)
	given := settings.Register(set)
	require.NoError(t, set.Parse(flags))
	provider := func(settings.Settings) sandbox.Provider { return noMachines{} }
	out, said := listen()
	env := environment.Environment{Name: "process", Control: provider, Sandbox: provider, Local: true, Here: true}
	_, err := open(t.Context(), out, request{environment: env, pending: given})
	require.NoError(t, out.Undone(t.Context()))
	return said, err
}

// A bad setting is reported with the environment it was given for.
func TestOpen_BadSetting(t *testing.T) {
	said, err := openWith(t, "-repo", "0")
	requireReason(t, reason.ConfigInvalid, err)
	assert.Equal(t, []string{"label.environment=process"}, said.attrs)
}

// The backup checks are about the backups of now.
func TestOpen_RefusesThePast(t *testing.T) {
	said, err := openWith(t, "-repo-target-time", "2026-08-18T03:59:30Z")
	requireReason(t, reason.ConfigInvalid, err)
	require.ErrorContains(t, err, "as they are taken now")
	assert.Equal(t, []string{"label.environment=process"}, said.attrs)
}

// What the drill refuses is refused here too, before a machine is made: a conf that shows the
// repository as it was then, and placeholders for secrets.
func TestOpen_Refused(t *testing.T) {
	for option, why := range map[string]reason.Reason{
		"repo-target-time=2026-11-25 06:30:00+00":  reason.ConfigInvalid,
		"repo1-target-time=2026-11-25 06:30:00+00": reason.ConfigInvalid,
		"repo1-cipher-pass=CHANGEME":               reason.PlaceholderSecret,
	} {
		conf := filepath.Join(t.TempDir(), "pgbackrest.conf")
		content := "[global]\nrepo1-path=/repo\nrepo1-cipher-type=aes-256-cbc\n" + option +
			"\n[unit]\npg1-path=/p\n"
		require.NoError(t, os.WriteFile(conf, []byte(content), 0o600))
		said, err := openWith(t, "-conf", conf)
		requireReason(t, why, err)
		assert.Equal(t, []string{"label.environment=process", "label.stanza=unit"}, said.attrs, option)
	}
}
