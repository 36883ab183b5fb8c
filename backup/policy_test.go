package backup

import (
	"os/user"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// rightConf says what the policy says.
const rightConf = `[global]
repo1-type=s3
repo1-s3-uri-style=path
repo1-s3-endpoint=s3.veza.test
repo1-s3-bucket=b
repo1-s3-region=us-east-1
repo1-s3-key=K0123456789
repo1-s3-key-secret=S0123456789
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=P0123456789
repo1-retention-full=4
repo1-retention-diff=7
repo1-retention-archive=4
compress-type=zst
compress-level=3
[veza]
pg1-path=/p
`

// A pass says line by line what was read.
func TestPolicyHolds(t *testing.T) {
	out, said := listen()
	require.NoError(t, policyHolds(t.Context(), out, sourceOf(t, rightConf, listing{})))
	assert.Contains(t, said.lines.String(), "repo1-retention-diff=7 (/etc/pgbackrest/elsewhere.conf:12)")
}

// A failure names every line that is wrong, and no secret.
func TestPolicyHolds_Not(t *testing.T) {
	out, _ := listen()
	in := sourceOf(t, "[global]\nrepo1-type=s3\nrepo1-cipher-type=none\n[veza]\npg1-path=/p\n", listing{})
	in.Source.Mode = 0o644
	err := policyHolds(t.Context(), out, in)
	requireReason(t, reason.PolicyViolated, err)
	require.ErrorContains(t, err, "/etc/pgbackrest/elsewhere.conf:3: repo1-cipher-type=none")
	require.ErrorContains(t, err, "mode 0644")
}

// Of a client of a repository host only what a client decides is judged, and the run says where the rest is.
func TestPolicyHolds_RepositoryHost(t *testing.T) {
	out, said := listen()
	in := sourceOf(t, "[global]\nrepo1-host=backup.veza.test\ncompress-type=zst\n[veza]\npg1-path=/p\n", listing{})
	require.NoError(t, policyHolds(t.Context(), out, in))
	require.Len(t, said.attrs, 1)
	assert.Contains(t, said.attrs[0], "repository host backup.veza.test, and so not judged here")
	in.Source.Mode = 0o644
	requireReason(t, reason.PolicyViolated, policyHolds(t.Context(), out, in))
}

// Nothing read is no pass.
func TestPolicyBroken(t *testing.T) {
	require.NoError(t, policyBroken("/c", []string{"read"}, nil))
	err := policyBroken("/c", nil, nil)
	requireReason(t, reason.PolicyViolated, err)
	require.ErrorContains(t, err, "/c: nothing of the policy could be read")
	err = policyBroken("/c", nil, []string{"one", "two"})
	requireReason(t, reason.PolicyViolated, err)
	assert.ErrorContains(t, err, "one; two")
}

func TestRunner(t *testing.T) {
	me, err := user.Current()
	require.NoError(t, err)
	assert.Equal(t, me.Username, runner())
}
