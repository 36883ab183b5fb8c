package pgbackrest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

func TestClassify_ByTheWordsOfPgBackRest(t *testing.T) {
	for _, c := range []struct {
		code int
		text string
		why  reason.Reason
	}{
		{
			39, "[ProtocolError] HTTP request failed with 403 (Forbidden): <Code>InvalidAccessKeyId</Code>",
			reason.RepoDenied,
		},
		{39, "HTTP request failed with 400 (Bad Request): <Code>ExpiredToken</Code>", reason.RepoDenied},
		{
			39, "[ProtocolError] HTTP request failed with 403 (Forbidden): <Code>RequestTimeTooSkewed</Code>",
			reason.ClockSkew,
		},
		{
			0, "RequestTimeTooSkewed: The difference between the request time and the server's is too large.",
			reason.ClockSkew,
		},
		{39, "[ProtocolError] HTTP request failed with 403 (Forbidden): <Code>Else</Code>", reason.RepoDenied},
		{39, "HTTP request failed with 404 (Not Found): <Code>NoSuchBucket</Code>", reason.NoBackup},
		{101, "ERROR: [101]: HTTP request failed with 503 (Slow Down)", reason.RepoUnreachable},
		{49, "ERROR: [049]: unable to connect to 'localhost:9000': [111] Connection refused", reason.RepoUnreachable},
		{
			95,
			"ERROR: [095]: unable to verify certificate presented by 'x:443': [20] unable to get local issuer " +
				"certificate", reason.UntrustedCertificate,
		},
		{
			95, "unable to find hostname 'minio' in certificate common name or subject alternative names",
			reason.UntrustedCertificate,
		},
		{64, "unable to write '/x': [28] No space left on device", reason.DiskSpace},
		{42, "[FileWriteError] unable to write '/var/lib/veza-drill/data/pg_wal/RECOVERYXLOG'", reason.DiskSpace},
		{53, "unable to list file info for path '/r': [13] Permission denied", reason.RepoDenied},
		{
			42, "ERROR: [042]: raised from remote-0 ssh protocol on 'repo': unable to load cert file '/s3.crt': [2] No",
			reason.UntrustedCertificate,
		},
		{
			95, "ERROR: [095]: raised from remote-0 tls protocol on 'fd00::7': unable to load key file '/s3': [2] N",
			reason.UntrustedCertificate,
		},
		{76, "ERROR: [076]: unable to remap invalid tablespace 'old'", reason.ConfigInvalid},
		{
			78, "ERROR: [078]: unable to map link 'pg_xlog'\nHINT: Does the link reference a valid backup path or",
			reason.ConfigInvalid,
		},
		{78, "", reason.ConfigInvalid},
		{105, "ERROR: [105]: raised from remote-0 tls protocol on 'repo': access denied", reason.RepoDenied},
		{99, "[AccessError] raised from remote-0 tls protocol on 'repo': access denied", reason.RepoDenied},
		{127, "raised from remote-0 ssh protocol on 'repo': Permission denied (publickey).", reason.RepoDenied},
		{
			42, "ERROR: [042]: key file '/x/client.key' has group or other permissions\nHINT: file must have " +
				"permissions u=rw (0600) or less if owned by the 'nobody' user", reason.ConfigInvalid,
		},
		{
			99, "[FileReadError] key file '/x/client.key' must be owned by the 'nobody' user or root",
			reason.ConfigInvalid,
		},
		{95, "[CryptoError] unable to load key file '/x/o.key': [92274804] key values mismatch", reason.ConfigInvalid},
		{95, "ERROR: [095]: unable to load key file '/x/c.key': [33558541] Permission denied", reason.ConfigInvalid},
		{95, "ERROR: [095]: unable to load cert file '/x/c.crt': [75497580] no start line", reason.ConfigInvalid},
		{95, "ERROR: [095]: cert '/x/c.crt' and key '/x/c.key' do not match: [1] mismatch", reason.ConfigInvalid},
		{
			95, "[CryptoError] unable to set user-defined CA certificate location: [2147483661] no details available",
			reason.ConfigInvalid,
		},
		{
			39, "ERROR: [039]: expected value '2.45' for greeting key 'version' but got '2.55.1'\n" +
				"HINT: is the same version of pgBackRest installed on the local and remote host?",
			reason.VersionMismatch,
		},
		{32, "ERROR: [032]: 'tape' is not allowed for 'repo1-type' option", reason.ConfigInvalid},
		{37, "ERROR: [037]: info command requires option: repo1-cipher-pass", reason.ConfigInvalid},
		{31, "ERROR: [031]: option 'x' not valid for command 'restore'", reason.ConfigInvalid},
	} {
		why, ok := Classify(c.code, c.text)
		require.True(t, ok, c.text)
		assert.Equal(t, c.why, why, c.text)
	}
	for _, text := range []string{"ERROR: [095]: unable to flush", "ERROR: [055]: unable to open missing " +
		"file", "ERROR: [075]: no backup set found to restore"} {
		_, ok := Classify(75, text)
		assert.False(t, ok, "%s depends on what was asked", text)
	}
}

func TestNewError_KeepsCodeAndReadableLines(t *testing.T) {
	err := newError("restore", &host.ExitError{Argv: []string{"pgbackrest"}, Code: 55, Result: host.Result{
		Stderr: []byte("WARN: \x01\x02 odd\nERROR: [055]: unable to open missing file '/r/bundle/1' for read\n"),
	}})
	failed, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	assert.Equal(t, 55, failed.Code)
	assert.Equal(t, []string{"WARN: odd", "ERROR: [055]: unable to open missing file '/r/bundle/1' for read"},
		failed.Lines)
	assert.True(t, Damaged(err))
	assert.True(t, Damaged(&Error{Code: 39, Lines: []string{
		"ERROR: [039]: HTTP request failed with 416 (Requested Range Not Satisfiable):",
	}}), "an object that ends before what is asked of it")
	assert.False(t, Damaged(&Error{Code: 39, Lines: []string{"ERROR: [039]: HTTP request failed with 412 (no):"}}))
	assert.False(t, failed.Killed())
	assert.True(t, (&Error{Code: 137}).Killed())
	assert.NoError(t, newError("info", nil))
}

func TestNewError_AMissingProgramIsToolMissing(t *testing.T) {
	why, _ := reason.Of(newError("version", host.ErrNotFound))
	assert.Equal(t, reason.ToolMissing, why)
}

func TestKilled_AWorkerToo(t *testing.T) {
	assert.True(t,
		(&Error{Code: 102, Lines: []string{"ERROR: [102]: local-1 process terminated unexpectedly on signal " +
			"9"}}).Killed())
	assert.True(t, (&Error{Code: 137}).Killed())
	assert.False(t,
		(&Error{Code: 102, Lines: []string{"ERROR: [102]: local-1 process terminated unexpectedly [2]"}}).Killed())
}
