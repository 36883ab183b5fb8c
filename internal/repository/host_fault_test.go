package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

// saying is a pgBackRest whose info says this of the repository, and that has no file of it.
type saying struct {
	host.Host
	message string
}

func (s saying) Run(_ context.Context, c host.Command) (host.Result, error) {
	line := strings.Join(c.Argv, " ")
	if strings.Contains(line, " repo-get ") {
		failed := host.Result{Stderr: []byte("ERROR: [055]: " + s.message)}
		return failed, &host.ExitError{Argv: c.Argv, Code: 55, Result: failed}
	}
	message, err := json.Marshal(s.message)
	return host.Result{Stdout: fmt.Appendf(nil, `[{"archive":[],"backup":[],"cipher":"none","db":[],"name":"veza",`+
		`"repo":[{"cipher":"none","key":1,"status":{"code":99,"message":%s}}],"status":{"code":99,"message":"other"}}]`,
		message)}, err
}

// What is wrong with this machine's own files or with the repository host's pgBackRest is no word on the backups: the
// lines are those of 2.45. Alike ones of the repository itself are.
func TestInfo_FaultsOfTheWayToARepositoryHost(t *testing.T) {
	const through = "repo1-host=backup.veza.test\nrepo1-host-type=tls\nrepo1-cipher-type=aes-256-cbc\n"
	const named = through + "repo1-host-config=/h/p.conf\nrepo1-host-config-include-path=/h/p.d\n"
	const raised = "raised from remote-0 tls protocol on 'backup.veza.test': "
	for name, c := range map[string]struct {
		options, message string
		why              reason.Reason
		says             string
	}{
		"its version": {
			through, "[ProtocolError] expected value '2.45' for greeting key 'version' but got '2.55.1'\nHINT: is " +
				"the same version of pgBackRest installed on the local and remote host?",
			reason.VersionMismatch, "install 2.55.1 here",
		},
		"its conf": {
			named, "[FileMissingError] " + raised + "unable to open missing file '/h/p.conf' for read",
			reason.ConfigInvalid, "repo1-host-config=/h/p.conf",
		},
		"its conf.d": {
			named, "[PathMissingError] " + raised + "unable to list file info for missing path '/h/p.d'",
			reason.ConfigInvalid, "repo1-host-config-include-path=/h/p.d",
		},
		"a key that others may read": {
			through, "[FileReadError] key file '/n/client.key' has group or other permissions\nHINT: file must have " +
				"permissions u=rw (0600) or less if owned by the 'nobody' user", reason.ConfigInvalid, "/n/client.key",
		},
		"a key of another certificate": {
			through, "[CryptoError] unable to load key file '/n/client.key': [92274804] key values mismatch",
			reason.ConfigInvalid, "/n/client.key",
		},
		"a file of the repository": {
			named, "[FileMissingError] " + raised + "unable to open missing file '/h/p.conf.d' for read",
			reason.WrongCipher, "",
		},
		"a file of the repository, no host": {
			"repo1-path=/r\nrepo1-host-config=/h/p.conf\n",
			"[FileMissingError] unable to open missing file '/h/p.conf' for read",
			reason.RepoCorrupt, "",
		},
		"a certificate": {
			through, "[CryptoError] unable to verify certificate presented by 'backup.veza.test:8432': [20] unable " +
				"to get local issuer certificate", reason.UntrustedCertificate, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := Client{
				Repository: load(t, "[global]\n"+c.options+"[veza]\npg1-path=/p\n"),
				Pgbackrest: &pgbackrest.Client{Host: saying{message: c.message}, Stanza: "veza", Repo: 1},
			}
			_, err := client.Info(t.Context(), silent{})
			why, _ := reason.Of(err)
			require.Equal(t, c.why, why, err)
			assert.ErrorContains(t, err, c.says)
		})
	}
}
