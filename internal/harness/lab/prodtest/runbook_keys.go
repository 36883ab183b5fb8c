package prodtest

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/objectstore/users"
)

// The repository's path in the bucket, and that of the one that takes its place.
const (
	usualPath = "formation"
	nextPath  = "veza-2027"
)

// granted makes a new pair of each kind for a path of the bucket, and puts them into the vault by their names there.
func (p *production) granted(t *testing.T, path, repo string) users.Access {
	t.Helper()
	fresh, err := p.lab.Grant(t.Context(), path)
	require.NoError(t, err)
	p.vault(t, map[string]string{
		"vault_pgbackrest_" + repo + "s3_key": fresh.Key, "vault_pgbackrest_" + repo + "s3_key_secret": fresh.Secret,
		"vault_dr_drill_" + repo + "s3_key":        fresh.ReadKey,
		"vault_dr_drill_" + repo + "s3_key_secret": fresh.ReadSecret,
	})
	return fresh
}

// keysNow are the pairs that both sides have in their confs.
func (p *production) keysNow(t *testing.T) (a users.Access) {
	t.Helper()
	primary, _ := p.roles(t)
	read := func(machine, option string) string {
		return p.on(t, machine, "sed", "-n", "s/^repo1-"+option+"=//p", "/etc/pgbackrest/pgbackrest.conf")
	}
	a.Key, a.Secret = read(primary, "s3-key"), read(primary, "s3-key-secret")
	a.ReadKey, a.ReadSecret = read(p.drillHost, "s3-key"), read(p.drillHost, "s3-key-secret")
	require.NotEqual(t, a.Key, a.ReadKey)
	return a
}

// rotateKeys: both pairs are replaced, and the old ones are refused; no backup, check or drill fails meanwhile.
func rotateKeys(t *testing.T, p *production) {
	old := p.keysNow(t)
	p.typed(t, "rotate-s3-keys.md", "", hands{
		"1": func() { p.granted(t, usualPath, "") },
		"5": func() { require.NoError(t, p.lab.Revoke(t.Context(), old.Key, old.ReadKey)) },
	})
	p.nowhere(t, old.Key, old.Secret, old.ReadKey, old.ReadSecret)
}

// newPassphrase: a second repository is made, backed up into and drilled, also every week by the role, and takes the
// first one's place. The old one is not touched.
func newPassphrase(t *testing.T, p *production) {
	const page = "new-passphrase.md"
	before := p.on(t, "s3", "sh", "-c", "find "+lab.RepositoryDirectory+"/backup | wc -l")
	old := p.keysNow(t)
	var fresh users.Access
	passphrase := rand.Text() + rand.Text()
	p.typed(t, page, "", hands{
		"1": func() {
			fresh = p.granted(t, nextPath, "repo2_")
			p.vault(t, map[string]string{"vault_pgbackrest_repo2_cipher_pass": passphrase})
			p.inventoryFile(t, "repo2.yml", variablesOf(t, page, "pgbackrest_repo2_s3_uri_style",
				"pgbackrest_repo2_s3_host"))
		},
		"3": func() {
			p.again(t, "-e", `{"dr_drill_repos": [1, 2]}`)
			p.drills(t, "@"+stanza+".repo2")
			assert.Contains(t, p.said(t, stanza+".repo2"),
				`veza_backup_drill_last_success{reason="none",stanza="`+stanza+`.repo2"} 1`)

			p.inventoryFile(t, "repo2.yml", "pgbackrest_s3_path: /"+nextPath+"\n")
			p.place = nextPath
			p.vault(t, map[string]string{
				"vault_pgbackrest_s3_key": fresh.Key, "vault_pgbackrest_s3_key_secret": fresh.Secret,
				"vault_dr_drill_s3_key": fresh.ReadKey, "vault_dr_drill_s3_key_secret": fresh.ReadSecret,
				"vault_pgbackrest_cipher_pass": passphrase,
			})
		},
	})
	p.nowhere(t, old.Key, old.Secret, old.ReadKey, old.ReadSecret)
	primary, _ := p.roles(t)
	assert.Equal(t, []string{"F", "D"}, kinds(p.listed(t, primary)))
	assert.Empty(t, p.on(t, primary, "sh", "-c", "systemctl list-unit-files --no-legend 'pgbackrest-*repo2*' || true"))
	p.on(t, p.drillHost, "test", "!", "-e", textfiles+"/veza_backup_drill_"+stanza+".repo2.prom")
	assert.Equal(t, before, p.on(t, "s3", "sh", "-c", "find "+lab.RepositoryDirectory+"/backup | wc -l"))
}

// lostDrillHost: the host's power is cut for good. Another machine of the inventory, of the next Debian, drills and
// checks, with a pair of its own.
func lostDrillHost(t *testing.T, p *production) {
	old, dir := p.keysNow(t), t.TempDir()
	_, err := p.lab.OtherHostInventory(t.Context(), dir) // it asks every machine for its host key
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.lab.Start(context.WithoutCancel(t.Context()), lab.DrillHost)) })
	require.NoError(t, p.lab.Stop(t.Context(), lab.DrillHost))
	p.typed(t, "lost-drill-host.md", "", hands{
		"1": func() {
			require.NoError(t, p.lab.Revoke(t.Context(), old.ReadKey))
			fresh, err := p.lab.Grant(t.Context(), p.place)
			require.NoError(t, err)
			p.vault(t, map[string]string{
				"vault_dr_drill_s3_key": fresh.ReadKey, "vault_dr_drill_s3_key_secret": fresh.ReadSecret,
			})
		},
		"2": func() {
			hosts, err := os.ReadFile(filepath.Join(dir, "hosts.yml"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(p.inventory, "hosts.yml"), hosts, 0o600))
			p.drillHost = lab.Next
		},
	})
	p.nowhere(t, old.ReadKey, old.ReadSecret)
	assert.Contains(t, p.on(t, lab.Next, "cat", textfiles+"/veza_backup_drill.prom"),
		`veza_backup_drill_last_success{reason="none",stanza="`+stanza+`"} 1`)
}
