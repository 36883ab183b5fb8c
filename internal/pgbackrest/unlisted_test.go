package pgbackrest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// directories answer repo-ls, by their path.
type directories struct {
	host.Host
	of map[string]string
}

func (d directories) Run(_ context.Context, c host.Command) (host.Result, error) {
	path := c.Argv[slices.Index(c.Argv, "repo-ls")+1]
	if answer, ok := d.of[path]; ok {
		return host.Result{Stdout: []byte(answer)}, nil
	}
	return host.Result{}, errors.New("not there: " + path)
}

// A backup at work is told from a set that is listed, from what expire has left and from what is none at all.
func TestClient_Unlisted(t *testing.T) {
	in := directories{of: map[string]string{
		"backup/veza": `{".":{"type":"path"},"20261121-020500F":{"type":"path"},"20261122-020500F":{"type":"path"},
			"20261115-020500F_20261116-020500D":{"type":"path"},"latest":{"type":"link","destination":"x"},
			"backup.history":{"type":"path"},"backup.info":{"type":"file","size":9,"time":1}}`,
		"backup/veza/20261122-020500F": `{".":{"type":"path"},"pg_data":{"type":"path"},
			"backup.manifest.copy":{"type":"file","size":9,"time":1000}}`,
		"backup/veza/20261115-020500F_20261116-020500D": `{".":{"type":"path"},"pg_data":{"type":"path"}}`,
	}}
	c := &Client{Host: in, Stanza: "veza", Repo: 1}
	found, err := c.Unlisted(t.Context(), []string{"20261121-020500F"})
	require.NoError(t, err)
	assert.Equal(t, []Unlisted{{"20261122-020500F", time.Unix(1000, 0)}}, found)

	in.of["backup/veza"] = `{".":{"type":"path"}}`
	found, err = c.Unlisted(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, found)

	in.of["backup/veza"] = "no json"
	_, err = c.Unlisted(t.Context(), nil)
	require.ErrorContains(t, err, "the answer of pgbackrest repo-ls")
	delete(in.of, "backup/veza")
	_, err = c.Unlisted(t.Context(), nil)
	require.Error(t, err)
}
