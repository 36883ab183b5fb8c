package backup

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/session"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
)

// record keeps what a claim says.
type record struct {
	lines bytes.Buffer
	attrs []string // key=value, in their order
}

func (r *record) Attr(key, value string) { r.attrs = append(r.attrs, key+"="+value) }
func (r *record) Output() io.Writer      { return &r.lines }

// listen is an Out, and what is said through it.
func listen() (suite.Out, *record) {
	r := &record{}
	return suite.NewOut(r), r
}

// sourceOf is an open source that is nothing but its conf and a listing.
func sourceOf(t *testing.T, conf string, l listing) opened {
	t.Helper()
	loaded, err := repository.Load(source.Repository{Conf: "/etc/pgbackrest/elsewhere.conf", Content: []byte(conf)})
	require.NoError(t, err)
	return opened{
		Session: session.Session{
			Request: session.Request{Settings: settings.Settings{Repo: 1, Policy: policy.Mission()}},
			Client:  repository.Client{Repository: repository.Repository{Conf: loaded, Stanza: "veza", Key: 1}},
			Source:  source.Repository{Conf: "/etc/pgbackrest/elsewhere.conf", Mode: 0o640, Owner: "root"},
		},
		listing: l,
	}
}
