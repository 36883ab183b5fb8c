package repository

import (
	"context"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// A file that the user who runs pgBackRest may not read is named, whoever started the drill.
func TestEquip_FilesOfTheConf(t *testing.T) {
	m, err := process.Provider{}.Launch(t.Context(), sandbox.Spec{Stanza: "repository-test", Run: t.Name()})
	if why, _ := reason.Of(err); why == reason.ToolMissing && testing.Short() {
		return // a machine without user postgres, where only what needs nothing but Go is asked
	}
	t.Cleanup(func() { assert.NoError(t, m.Destroy(context.Background())) })
	require.NoError(t, err)
	file := m.Dir("etc") + "/file"
	for option, others := range map[string]string{
		"repo1-storage-ca-file":       "repo1-type=s3\n",
		"repo1-host-ca-file":          "repo1-host=backup\nrepo1-host-type=tls\nrepo1-storage-ca-file=/unread/there\n",
		"repo1-host-key-file":         "repo1-host=backup\nrepo1-host-type=tls\n",
		"repo1-gcs-key":               "repo1-type=gcs\n",
		"repo1-sftp-private-key-file": "repo1-type=sftp\nrepo1-sftp-public-key-file=~/.ssh/id.pub\n",
	} {
		for mode, want := range map[fs.FileMode]reason.Reason{0: reason.ConfigInvalid, 0o600: ""} {
			require.NoError(t, m.Put(t.Context(), file, []byte("x"), mode, ""))
			r := load(t, "[global]\n"+others+option+"="+file+"\n[veza]\npg1-path=/p\n")
			_, err = r.Equip(t.Context(), m, true, nil)
			why, _ := reason.Of(err)
			assert.Equal(t, want, why, "%s of mode %o: %v", option, mode, err)
			if want != "" {
				assert.ErrorContains(t, err, option+": ")
				assert.ErrorContains(t, err, file)
			}
		}
	}
	for why, options := range map[string]string{
		"a token is no file":           "repo1-type=gcs\nrepo1-gcs-key-type=token\nrepo1-gcs-key=/a/token\n",
		"the certificate is not asked": "repo1-type=s3\nrepo1-storage-verify-tls=n\nrepo1-storage-ca-file=/none\n",
		"there is none":                "repo1-path=/r\nrepo1-storage-ca-file=/none\n",
	} {
		_, err = load(t, "[global]\n"+options+"[veza]\npg1-path=/p\n").Equip(t.Context(), m, true, nil)
		assert.NoError(t, err, why)
	}
}
