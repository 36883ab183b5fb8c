package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
)

// well is a conf that is what the policy says.
const well = `[global]
repo1-type=s3
repo1-path=/pgbackrest
repo1-s3-uri-style=path
repo1-s3-endpoint=s3.veza.test
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
pg1-path=/var/lib/postgresql/15/main
`

var rightFile = File{Path: "/etc/pgbackrest/pgbackrest.conf", Mode: 0o640, Owner: "postgres", Runner: "nobody"}

func judge(t *testing.T, conf string, file File, more ...pgbackrest.ConfFile) (read, findings []string) {
	t.Helper()
	parsed, err := pgbackrest.ParseConfig(file.Path, []byte(conf), more...)
	require.NoError(t, err)
	return Mission().CheckConf(parsed, "veza", 1, file)
}

// A conf that is right has no finding, and what was read is said with its line.
func TestPolicy_Right(t *testing.T) {
	read, findings := judge(t, well, rightFile)
	require.Empty(t, findings)
	all := strings.Join(read, "\n")
	for _, line := range []string{
		"repo1-cipher-type=aes-256-cbc (/etc/pgbackrest/pgbackrest.conf:8)",
		"repo1-storage-verify-tls=y (pgBackRest's default)",
		"repo1-retention-diff=7 (/etc/pgbackrest/pgbackrest.conf:11)", "no secret is a placeholder",
		"mode 0640, owner postgres",
	} {
		assert.Contains(t, all, line)
	}
	assert.NotContains(t, all, "0123456789", "secrets are not repeated")
	for _, same := range []string{
		strings.ReplaceAll(well, "repo1-retention-archive=4\n", ""), strings.ReplaceAll(well, "compress-level=3\n", ""),
		strings.NewReplacer(
			"repo1-type", "repo-type", "repo1-cipher", "repo-cipher", "repo1-s3-key", "repo-s3-key", "pg1-", "db-",
			"repo1-retention", "retention",
		).Replace(well), // as it was written before repositories had numbers: what it says is the same
		well + "repo1-storage-verify-tls=y\n", strings.ReplaceAll(well, "=zst", " = zst "),
		strings.ReplaceAll(well, "repo1-retention-full=4", "repo1-retention-full=1") + "repo1-retention-full=4\n",
	} {
		_, findings = judge(t, same, rightFile)
		assert.Empty(t, findings, same)
	}
}

// Each rule has a conf that breaks it, and the finding names the line.
func TestPolicy_Wrong(t *testing.T) {
	const conf = "/etc/pgbackrest/pgbackrest.conf"
	for _, c := range []struct{ name, from, to, says string }{
		{"Posix", "repo1-type=s3", "repo1-type=posix", conf + ":2: repo1-type=posix"},
		{"NoType", "repo1-type=s3\n", "", "repo1-type is not set"},
		{"HostStyle", "repo1-s3-uri-style=path", "repo1-s3-uri-style=host", conf + ":4: repo1-s3-uri-style=host"},
		{"NoStyle", "repo1-s3-uri-style=path\n", "", "repo1-s3-uri-style is not set"},
		{
			"NoCipher", "repo1-cipher-type=aes-256-cbc", "repo1-cipher-type=none",
			conf + ":8: repo1-cipher-type=none: nothing is encrypted",
		},
		{"CipherNotSet", "repo1-cipher-type=aes-256-cbc\n", "", "repo1-cipher-type is not set: nothing is encrypted"},
		{
			"TLSOff", "[veza]", "repo1-storage-verify-tls=n\n[veza]",
			conf + ":15: repo1-storage-verify-tls=n: the certificate is not checked",
		},
		{"TLSOffByItsOldName", "[veza]", "repo1-s3-verify-tls=n\n[veza]", ":15: repo1-s3-verify-tls=n"},
		{
			"TLSOffForOneCommand", "[veza]", "[global:archive-push]\nrepo1-storage-verify-tls=n\n[veza]",
			":16: repo1-storage-verify-tls=n",
		},
		{"TLSOffForTheStanza", "[veza]", "[veza]\nrepo1-storage-verify-tls=n", ":16: repo1-storage-verify-tls=n"},
		{"Plain", "s3.veza.test", "http://s3.veza.test", ":5: repo1-s3-endpoint=http://s3.veza.test"},
		{"Gzip", "compress-type=zst", "compress-type=gz", ":13: compress-type=gz"},
		{"NoCompressType", "compress-type=zst\n", "", "compress-type is not set"},
		{"Level", "compress-level=3", "compress-level=9", ":14: compress-level=9"},
		{"LevelOfThePush", "[veza]", "[global:archive-push]\ncompress-level=1\n[veza]", ":16: compress-level=1"},
		{"FullOne", "repo1-retention-full=4", "repo1-retention-full=1", ":10: repo1-retention-full=1"},
		{"FullForEver", "repo1-retention-full=4\n", "", "repo1-retention-full is not set"},
		{"FullByTime", "[veza]", "repo1-retention-full-type=time\n[veza]", ":15: repo1-retention-full-type=time"},
		{"DiffThree", "repo1-retention-diff=7", "repo1-retention-diff=3", ":11: repo1-retention-diff=3"},
		{"DiffForEver", "repo1-retention-diff=7\n", "", "repo1-retention-diff is not set"},
		{"ArchiveOne", "repo1-retention-archive=4", "repo1-retention-archive=1", ":12: repo1-retention-archive=1"},
		{
			"ArchiveByDiff", "[veza]", "repo1-retention-archive-type=diff\n[veza]",
			":15: repo1-retention-archive-type=diff",
		},
		{
			"OldNameThatWins", "[veza]", "[veza]\nretention-full=1",
			":16: retention-full=1, an old name of repo1-retention-full: too few",
		},
		{
			"OldNameOfTheCipher", "[veza]", "[veza]\nrepo-cipher-type=none",
			":16: repo-cipher-type=none, an old name of repo1-cipher-type: nothing is encrypted",
		},
		{"TLSOffByAnOlderName", "[veza]", "[veza]\nrepo-s3-verify-ssl=n", ":16: repo-s3-verify-ssl=n, an old name"},
		{"PlainByAnOldName", "[veza]", "[veza]\nrepo-s3-host=http://x", ":16: repo-s3-host=http://x: passwords"},
		{
			"PlaceholderByItsOldName", "repo1-cipher-pass=P0123456789", "repo-cipher-pass=CHANGEME",
			":9: repo1-cipher-pass is a placeholder",
		},
		{"Placeholder", "P0123456789", "CHANGEME", ":9: repo1-cipher-pass is a placeholder"},
		{"SecretMissing", "repo1-s3-key-secret=S0123456789\n", "", "repo1-s3-key-secret is a placeholder, or empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, well, c.from)
			_, findings := judge(t, strings.Replace(well, c.from, c.to, 1), rightFile)
			require.Len(t, findings, 1, "%q", findings)
			assert.Contains(t, findings[0], c.says)
			assert.NotContains(t, findings[0], "CHANGEME")
		})
	}
}

// A client of a repository host rightly says nothing of what the host decides; what it decides itself is judged.
func TestPolicy_ClientOfARepositoryHost(t *testing.T) {
	const client = "[global]\nrepo1-host=backup.veza.test\nrepo1-host-type=tls\ncompress-type=zst\n[veza]\n" +
		"pg1-path=/p\n"
	with := func(section string) string { return strings.Replace(client, "[veza]", section+"\n[veza]", 1) }
	for says, conf := range map[string]string{
		"":                        client,
		":4: compress-type=gz":    strings.Replace(client, "zst", "gz", 1),
		"compress-type is not":    strings.Replace(client, "compress-type=zst\n", "", 1),
		":6: compress-level=9":    with("[global:archive-push]\ncompress-level=9"),
		"db-include":              with("[global:restore]\ndb-include=x"),
		"repo1-type is not set: ": strings.Replace(client, "repo1-host", "repo2-host", 1),
	} {
		read, findings := judge(t, conf, rightFile)
		if says == "" {
			assert.Empty(t, findings)
			assert.Contains(t, strings.Join(read, "\n"), "compress-type=zst (/etc/pgbackrest/pgbackrest.conf:4)")
			continue
		}
		assert.Contains(t, strings.Join(findings, "\n"), says)
	}
	_, findings := judge(t, with("[global:backup]\ncompress-type=gz"), rightFile)
	assert.Empty(t, findings, "backup runs on the host")
}

// What stands in conf.d is found there.
func TestPolicy_Included(t *testing.T) {
	_, findings := judge(t, well, rightFile, pgbackrest.ConfFile{
		Path:    "/etc/pgbackrest/conf.d/tls.conf",
		Content: []byte("# off\n[global]\nrepo1-storage-verify-tls=n\n"),
	})
	require.Len(t, findings, 1)
	assert.Contains(t, findings[0], "/etc/pgbackrest/conf.d/tls.conf:3: repo1-storage-verify-tls=n")
}

// The file is nobody's but its owner's and group's.
func TestPolicy_File(t *testing.T) {
	for says, file := range map[string]File{
		"":                    {Path: "/c", Mode: 0o600, Owner: "nobody", Runner: "nobody"},
		"mode 0644":           {Path: "/c", Mode: 0o644, Owner: "root"},
		"mode 0660":           {Path: "/c", Mode: 0o660, Owner: "root"},
		"mode 0750":           {Path: "/c", Mode: 0o750, Owner: "root"},
		`belongs to user "x"`: {Path: "/c", Mode: 0o640, Owner: "x", Runner: "nobody"},
	} {
		_, findings := judge(t, well, file)
		if says == "" {
			assert.Empty(t, findings)
			continue
		}
		require.Len(t, findings, 1, says)
		assert.Contains(t, findings[0], says)
	}
}
