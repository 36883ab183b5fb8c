package backup

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// A backup of damaged pages is named; one nobody looked at is counted.
func TestCheckedPages(t *testing.T) {
	no, yes := false, true
	backups := of("1F", "2D", "3D")
	backups[0].Error, backups[1].Error, backups[2].Error = &no, &no, &no
	unknown, err := checkedPages(backups)
	require.NoError(t, err)
	assert.Zero(t, unknown)
	backups[0].Error, backups[2].Error = nil, &yes
	unknown, err = checkedPages(backups)
	assert.Equal(t, 1, unknown)
	requireReason(t, reason.PageChecksum, err)
	assert.ErrorContains(t, err, "taken of pages with a wrong checksum: 3D")
}

// After stanza-upgrade the first backup must come; the versions of another repository are not
// this one's.
func TestUpgradedSince(t *testing.T) {
	in := func(versions string) listing {
		var info pgbackrest.Stanza
		require.NoError(t, json.Unmarshal([]byte(`{"db":[`+versions+`]}`), &info))
		return listing{info: info, backups: of("1F")}
	}
	const first, second = `{"id":1,"repo-key":1,"version":"15"}`, `{"id":2,"repo-key":1,"version":"17"}`
	require.NoError(t, upgradedSince(in(first)))
	require.NoError(t, upgradedSince(in(first+`,{"id":2,"repo-key":2,"version":"17"}`)))
	err := upgradedSince(in(first + "," + second))
	requireReason(t, reason.NoBackup, err)
	require.ErrorContains(t, err, "upgraded to PostgreSQL 17")
	upgraded := in(first + "," + second)
	upgraded.backups[0].Database.ID = 2
	require.NoError(t, upgradedSince(upgraded))
}

// infoFiles is a repository whose info files name these clusters.
type infoFiles struct {
	host.Host
	ids map[string]string
}

func (f infoFiles) Run(_ context.Context, c host.Command) (host.Result, error) {
	for name, id := range f.ids {
		if slices.Contains(c.Argv, name) {
			return host.Result{Stdout: []byte("[backrest]\nbackrest-format=5\n\n[db]\ndb-system-id=" + id + "\n")}, nil
		}
	}
	return host.Result{}, &host.ExitError{Code: 1}
}

// A primary that is down hides no info file of another cluster, and without it the claim is no pass.
func TestOneCluster_BesideAPrimaryThatIsDown(t *testing.T) {
	for _, c := range []struct {
		archive, primary string
		want             reason.Reason
	}{
		{"7", "", ""},
		{"8", "", reason.RepoCorrupt},
		{"7", "host=/nonexistent", reason.ConfigInvalid},
		{"8", "host=/nonexistent", reason.RepoCorrupt},
	} {
		l := listing{backups: threeFulls()}
		require.NoError(t, json.Unmarshal([]byte(`{"db":[{"id":1,"repo-key":1,"system-id":7}]}`), &l.info))
		in := sourceOf(t, rightConf, l)
		in.Settings.Primary = c.primary
		in.Client.Pgbackrest = &pgbackrest.Client{Stanza: "veza", Repo: 1, Host: infoFiles{ids: map[string]string{
			"backup/veza/backup.info": "7", "archive/veza/archive.info": c.archive,
		}}}
		out, _ := listen()
		requireReason(t, c.want, oneCluster(t.Context(), out, in))
	}
}

// Whoever names another cluster is named.
func TestAllOf(t *testing.T) {
	require.NoError(t, allOf("7", "1F", map[string]string{"backup.info": "7", "the primary": "7"}))
	err := allOf("7", "1F", map[string]string{"backup.info": "7", "the primary": "8"})
	requireReason(t, reason.RepoCorrupt, err)
	require.ErrorContains(t, err,
		"the primary is of the cluster with system identifier 8, the newest backup 1F is of 7")
	assert.Error(t, allOf("", "1F", map[string]string{"backup.info": "7"}), "info names none")
}

// The identifier is read from the file itself: pgBackRest would take the copy in silence.
func TestSystemID(t *testing.T) {
	const content = "[backrest]\nbackrest-format=5\n\n" +
		"[db]\ndb-id=1\ndb-system-id=7712147233966205008\ndb-version=\"15\"\n"
	id, err := systemID("backup/veza/backup.info", []byte(content), nil)
	require.NoError(t, err)
	assert.Equal(t, "7712147233966205008", id)
	cut := &pgbackrest.Error{Command: "repo-get", Code: 95, Lines: []string{"ERROR: [095]: unable to flush"}}
	require.True(t, pgbackrest.Damaged(cut))
	for name, c := range map[string]struct {
		content string
		err     error
		why     reason.Reason
	}{
		"Gone":        {"", pgbackrest.ErrNoFile, reason.RepoCorrupt},
		"Damaged":     {"", cut, reason.RepoCorrupt},
		"Unreachable": {"", errors.New("connection refused"), reason.RepoUnreachable},
		"Denied":      {"", reason.Errorf(reason.RepoDenied, "403"), reason.RepoDenied},
		"Encrypted":   {"Salted__", nil, reason.RepoCorrupt},
		"NotInfo":     {"[db]\ndb-system-id=7\n", nil, reason.RepoCorrupt},
		"NoNumber":    {"[backrest]\n[db]\ndb-system-id=seven\n", nil, reason.RepoCorrupt},
		"NoID":        {"[backrest]\n[db]\ndb-id=1\n", nil, reason.RepoCorrupt},
	} {
		_, err := systemID("backup/veza/backup.info", []byte(c.content), c.err)
		why, _ := reason.Of(err)
		assert.Equal(t, c.why, why, "%s: %v", name, err)
	}
}
