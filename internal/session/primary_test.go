package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
)

// Another cluster is refused; one of before a stanza-upgrade, and one that does not say, are not.
func TestKnowsCluster(t *testing.T) {
	info, err := pgbackrest.ParseInfo([]byte(`[{"name":"demo","db":[{"id":1,"repo-key":1,"system-id":7},` +
		`{"id":2,"repo-key":1,"system-id":18446744073709551615},{"id":1,"repo-key":2,"system-id":9}]}]`))
	require.NoError(t, err)
	s := Session{Request: Request{Settings: settings.Settings{Repo: 1}}}
	for _, id := range []string{"", "7", "18446744073709551615"} {
		require.NoError(t, s.KnowsCluster(id, info), id)
	}
	require.NoError(t, s.KnowsCluster("8", pgbackrest.Stanza{}), "nothing to compare with")
	err = s.KnowsCluster("9", info)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	assert.ErrorContains(t, err, "system identifier 9, and stanza")
}
