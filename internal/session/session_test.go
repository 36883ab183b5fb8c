package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// handle takes what is said, and no more.
type handle struct {
	bytes.Buffer
	labels map[string]string
}

func (h *handle) Output() io.Writer { return &h.Buffer }

func (h *handle) Attr(key, value string) {
	if h.labels == nil {
		h.labels = map[string]string{}
	}
	h.labels[key] = value
}

// provider makes no machine: it fails, half-way.
type provider struct {
	reaped   []string
	launched int
	made     *halfMade
}

func (p *provider) Kept(context.Context) ([]sandbox.Kept, error) { return nil, nil }
func (p *provider) Environment() string                          { return "process" }

func (p *provider) Reap(_ context.Context, stanza string) ([]string, error) {
	p.reaped = append(p.reaped, stanza)
	return []string{"a container of an earlier run"}, nil
}

func (p *provider) Launch(context.Context, sandbox.Spec) (sandbox.Sandbox, error) {
	p.launched++
	return p.made, errors.New("no space")
}

// halfMade is a machine that is only good for being destroyed.
type halfMade struct {
	sandbox.Sandbox
	destroyed int
}

func (h *halfMade) Destroy(context.Context) error { h.destroyed++; return nil }

// asked is a request for the repository of a conf, whose machines come from p.
func asked(t *testing.T, p *provider, options string) Request {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	conf := filepath.Join(t.TempDir(), "pgbackrest.conf")
	require.NoError(t, os.WriteFile(conf, []byte("[global]\nrepo1-path=/repo\n"+options+"[demo]\npg1-path=/p\n"),
		0o600))
	from := func(settings.Settings) sandbox.Provider { return p }
	return Request{
		Environment: environment.Environment{Name: "process", Control: from, Sandbox: from, Local: true, Here: true},
		Settings:    settings.Settings{Conf: conf, Repo: 1}, Suffix: ".check",
	}
}

// What cannot be meant is refused before a machine is made, the same for both suites.
func TestOpen_RefusesBeforeAnythingIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		want    reason.Reason
	}{
		"the repository as it was then": {"repo1-target-time=2026-01-01 00:00:00\n", reason.ConfigInvalid},
		"a placeholder for a secret": {
			"repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=changeme\n",
			reason.PlaceholderSecret,
		},
	} {
		p := &provider{made: &halfMade{}}
		out := suite.NewOut(&handle{})
		_, err := Open(t.Context(), out, asked(t, p, c.options))
		why, _ := reason.Of(err)
		assert.Equal(t, c.want, why, "%s: %v", name, err)
		assert.Zero(t, p.launched, name)
		require.NoError(t, out.Undone(t.Context()))
	}
}

// A verdict on a cluster that is made for the run bears no production's name, and says nothing of its past or of what
// it archived: none is made.
func TestOpen_SeedsNothingInTheNameOfAProduction(t *testing.T) {
	for words, set := range map[string]func(*settings.Settings){
		"":                  func(*settings.Settings) {},
		"-stanza veza":      func(s *settings.Settings) { s.Stanza = "veza" },
		"-primary":          func(s *settings.Settings) { s.Primary = "host=pg1" },
		"-repo-target-time": func(s *settings.Settings) { s.RepoTargetTime = time.Now().Add(-time.Hour) },
	} {
		p := &provider{made: &halfMade{}}
		request := asked(t, p, "")
		request.Settings.Conf, request.Environment.Stanza = "", "demo"
		request.Environment.Seed = func(context.Context, settings.Settings, sandbox.Spec) (*source.Seeded, error) {
			return nil, errors.New("it is made")
		}
		set(&request.Settings)
		out := suite.NewOut(&handle{})
		_, err := Open(t.Context(), out, request)
		if words == "" {
			require.ErrorContains(t, err, "it is made")
			continue
		}
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, words)
		require.ErrorContains(t, err, words+": no repository is named")
		require.ErrorContains(t, err, "name the conf of the repository with -conf")
		require.NoError(t, out.Undone(t.Context()))
	}
}

// The lock is held from before the reaping until everything is undone; a second run of the
// suite is refused meanwhile, and reaps nothing.
func TestOpen_LocksTheStanza(t *testing.T) {
	p := &provider{made: &halfMade{}}
	request := asked(t, p, "")
	heard := &handle{}
	first := suite.NewOut(heard)
	_, err := Open(t.Context(), first, request)
	require.ErrorContains(t, err, "no space")
	assert.Equal(t, []string{"demo.check"}, p.reaped)
	assert.Equal(t, "demo", heard.labels["label.stanza"])
	assert.Contains(t, heard.String(), "of an earlier run: a container of an earlier run")

	_, err = Open(t.Context(), suite.NewOut(&handle{}), request)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.Locked, why, "%v", err)
	assert.Len(t, p.reaped, 1)

	other := request
	other.Suffix = ""
	out := suite.NewOut(&handle{})
	_, err = Open(t.Context(), out, other)
	require.ErrorContains(t, err, "no space", "the other suite has a lock of its own")
	require.NoError(t, out.Undone(t.Context()))

	require.NoError(t, first.Undone(t.Context()))
	_, err = Open(t.Context(), first, request)
	require.ErrorContains(t, err, "no space", "the lock is free again")
	require.NoError(t, first.Undone(t.Context()))
}

// A control machine that was only half made is destroyed all the same.
func TestOpen_DestroysAHalfMadeMachine(t *testing.T) {
	p := &provider{made: &halfMade{}}
	out := suite.NewOut(&handle{})
	_, err := Open(t.Context(), out, asked(t, p, ""))
	why, _ := reason.Of(err)
	assert.Equal(t, reason.SandboxFailed, why)
	require.NoError(t, out.Undone(t.Context()))
	assert.Equal(t, 1, p.made.destroyed)
}

// A primary that does not answer says nothing about the backups.
func TestPrimary(t *testing.T) {
	conn, err := Session{}.Primary(t.Context())
	require.NoError(t, err)
	assert.Nil(t, conn, "none is named")
	why, _ := reason.Of(Session{}.Unanswered(errors.New("permission denied")))
	assert.Equal(t, reason.ConfigInvalid, why)
}
