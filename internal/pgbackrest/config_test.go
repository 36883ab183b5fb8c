package pgbackrest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

const production = `
# the mission's settings
[global]
repo1-type=s3
repo1-path=/veza
repo1-s3-bucket=backups
repo1-s3-endpoint=minio.veza.internal
repo1-s3-uri-style=path
repo1-s3-key=AKIA7
repo1-s3-key-secret=a#b;c=d%(e)s"f
repo1-storage-port=9000
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=correct horse
repo2-path=/mnt/offsite
[global:restore]
process-max=4
[veza]
pg1-path=/var/lib/postgresql/15/main
repo1-s3-region=eu
[veza:restore]
repo1-s3-region=restore-region
`

func parse(t *testing.T, text string) *Config {
	t.Helper()
	config, err := ParseConfig("/etc/x.conf", []byte(text))
	require.NoError(t, err)
	return config
}

func TestConfig_TakesValuesAsTheyAre(t *testing.T) {
	config := parse(t, production)
	assert.Equal(t, []string{"veza"}, config.Stanzas())
	repo := config.Repo("veza", 1)
	assert.Equal(t, `a#b;c=d%(e)s"f`, repo.Option("s3-key-secret"))
	assert.Equal(t, "restore-region", repo.Option("s3-region"), "the command's own section first")
	assert.True(t, repo.Encrypted())
	assert.False(t, config.Repo("veza", 2).Encrypted())
	assert.NoError(t, config.CheckRepo("veza", 2))
	assert.ErrorContains(t, config.CheckRepo("veza", 3), "-repo 3")
	assert.ElementsMatch(t, []string{"AKIA7", `a#b;c=d%(e)s"f`, "correct horse"}, config.Secrets())
}

func TestConfig_ConfDComesBehind(t *testing.T) {
	config, err := ParseConfig("x", []byte("[global]\nrepo1-path=/a\n"),
		ConfFile{"b.conf", []byte("[veza]\npg1-path=/b\n")})
	require.NoError(t, err)
	assert.Equal(t, []string{"veza"}, config.Stanzas())
}

func TestConfig_AnErrorNeverShowsTheLine(t *testing.T) {
	_, err := ParseConfig("/etc/x.conf", []byte("[global]\nsecret words without a sign\n"))
	require.Error(t, err)
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	assert.NotContains(t, err.Error(), "secret words")
	assert.ErrorContains(t, err, "/etc/x.conf")
}

func TestStanza_IsChosenOrTheOnlyOne(t *testing.T) {
	two := parse(t, "[a]\npg1-path=/a\n[b]\npg1-path=/b\n")
	_, err := two.Stanza("")
	assert.ErrorContains(t, err, "-stanza")
	name, err := two.Stanza("b")
	require.NoError(t, err)
	assert.Equal(t, "b", name)
	_, err = two.Stanza("c")
	assert.ErrorContains(t, err, "a, b")
	_, err = parse(t, "[global]\nrepo1-path=/a\n").Stanza("")
	assert.ErrorContains(t, err, "no stanza")
}

func TestCheckSecrets_RefusesWhatPeopleLeaveBehind(t *testing.T) {
	for _, value := range []string{
		"", "CHANGEME", "please-change_me", "my-Replaceme-key", "AKIAEXAMPLE", "todo",
		"<secret>", "{{ vault_key }}", " placeholder ",
	} {
		config := parse(t,
			"[global]\nrepo1-type=s3\nrepo1-s3-key=k7\nrepo1-s3-key-secret="+value+"\n[v]\npg1-path=/x\n")
		err := config.Repo("v", 1).CheckSecrets()
		why, _ := reason.Of(err)
		require.Equal(t, reason.PlaceholderSecret, why, "%q", value)
		assert.ErrorContains(t, err, "repo1-s3-key-secret")
	}
}

func TestCheckSecrets_GuessesNothing(t *testing.T) {
	for _, value := range []string{"aaaaaaaa", "password", "x<y>z", "correct horse", "{{no"} {
		assert.False(t, IsPlaceholder(value), value)
	}
	assert.NoError(t, parse(t, production).Repo("veza", 1).CheckSecrets())
	plain := parse(t, "[global]\nrepo1-path=/a\n[v]\npg1-path=/x\n")
	assert.NoError(t, plain.Repo("v", 1).CheckSecrets(), "a repository without secrets needs none")
}

func TestConfig_TheRepositoryAsItWasIsRefused(t *testing.T) {
	for _, conf := range []string{
		"[global]\nrepo-target-time=2026-01-01 00:00:00+00\n[v]\npg1-path=/x\n",
		"[global]\nrepo1-target-time=2026-01-01 00:00:00+00\n[v]\npg1-path=/x\n",
		"[global:archive-get]\nrepo-target-time=2026-01-01 00:00:00+00\n[v]\npg1-path=/x\n",
		"[v]\npg1-path=/x\nrepo-target-time=2026-01-01 00:00:00+00\n",
	} {
		err := parse(t, conf).Repo("v", 1).CheckNow()
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, conf)
		assert.ErrorContains(t, err, "-target-time=2026-01-01")
	}
	other := parse(t, "[w]\npg1-path=/x\nrepo-target-time=2026-01-01 00:00:00+00\n[v]\npg1-path=/x\n").Repo("v", 1)
	assert.NoError(t, other.CheckNow(), "another stanza's")
	assert.NoError(t, parse(t, production).Repo("veza", 1).CheckNow())
}

func TestPatience_LeavesTheConfsOwnAlone(t *testing.T) {
	assert.NotEmpty(t, parse(t, production).Patience("veza"))
	assert.Empty(t, parse(t, "[global]\nio-timeout=5\n[v]\npg1-path=/x\n").Patience("v"))
}

func TestAddress_IsWherePgBackRestConnects(t *testing.T) {
	const azure = "[global]\nrepo1-type=azure\nrepo1-azure-account=acc\nrepo1-azure-"
	for _, c := range []struct{ conf, address, name string }{
		{production, "minio.veza.internal:9000", "minio.veza.internal"},
		{"[global]\nrepo1-type=s3\nrepo1-s3-bucket=b\nrepo1-s3-endpoint=s3.eu\n[v]\n", "b.s3.eu:443", "b.s3.eu"},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=s3.eu:9000\n[v]\n", "s3.eu:9000",
			"s3.eu",
		},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=s3.eu" +
				"\nrepo1-storage-host=10.0.0.1\n[v]\n",
			"10.0.0.1:443", "10.0.0.1",
		},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=http://s3.eu:9000\n[v]\n",
			"s3.eu:9000", "",
		},
		{"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=http://s3.eu\n[v]\n", "s3.eu:80", ""},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=http://s3.eu:9000" +
				"\nrepo1-storage-host=h\n[v]\n",
			"h:443", "h",
		},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=s3.eu:9000" +
				"\nrepo1-storage-host=http://h\n[v]\n",
			"h:80", "",
		},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=https://s3.eu:9000/\n[v]\n",
			"s3.eu:9000", "s3.eu",
		},
		{
			"[global]\nrepo1-type=s3\nrepo1-s3-uri-style=path\nrepo1-s3-endpoint=s3.eu" +
				"\nrepo1-s3-port=9000\nrepo1-s3-host=h\n[v]\n",
			"h:9000", "h",
		},
		{
			"[global]\nrepo1-type=azure\nrepo1-azure-account=acc\n[v]\n", "acc.blob.core.windows.net:443",
			"acc.blob.core.windows.net",
		},
		{azure + "uri-style=path\nrepo1-azure-endpoint=azurite:10000\n[v]\n", "azurite:10000", "azurite"},
		{azure + "uri-style=path\nrepo1-azure-endpoint=http://azurite:10000\n[v]\n", "azurite:10000", ""},
		{azure + "endpoint=azurite:10000\n[v]\n", "acc.azurite:10000", "acc.azurite"},
		{azure + "uri-style=host\nrepo1-storage-host=h:1\n[v]\n", "acc.h:1", "acc.h"},
		{azure + "endpoint=azurite\nrepo1-storage-host=h\nrepo1-storage-port=2\n[v]\n", "h:2", "h"},
		{"[global]\nrepo1-type=gcs\nrepo1-gcs-endpoint=https://gcs.eu:4443\n[v]\n", "gcs.eu:4443", "gcs.eu"},
		{"[global]\nrepo1-type=gcs\nrepo1-gcs-endpoint=http://gcs.eu\n[v]\n", "gcs.eu:80", ""},
		{"[global]\nrepo1-type=gcs\n[v]\n", "storage.googleapis.com:443", "storage.googleapis.com"},
		{"[global]\nrepo1-type=sftp\nrepo1-sftp-host=box\n[v]\n", "box:22", ""},
		{"[global]\nrepo1-host=repo\nrepo1-host-type=tls\n[v]\n", "repo:8432", ""},
	} {
		config := parse(t, c.conf)
		address, remote := config.Repo(config.Stanzas()[0], 1).Address()
		require.True(t, remote, c.conf)
		assert.Equal(t, c.address, address.String())
		assert.Equal(t, c.name, address.TLSName)
	}
	_, remote := parse(t, "[v]\npg1-path=/x\n").Repo("v", 1).Address()
	assert.False(t, remote, "posix is on this machine")
}

// HTTP without TLS is asked for by whatever option leads to the store, and by no other.
func TestPlainOptions(t *testing.T) {
	for conf, want := range map[string][]string{
		"s3\nrepo1-s3-endpoint=http://a":                             {"repo1-s3-endpoint=http://a"},
		"azure\nrepo1-azure-endpoint=http://a":                       {"repo1-azure-endpoint=http://a"},
		"azure\nrepo1-storage-host=http://h":                         {"repo1-storage-host=http://h"},
		"gcs\nrepo1-gcs-endpoint=http://a":                           {"repo1-gcs-endpoint=http://a"},
		"gcs\nrepo1-gcs-endpoint=a\nrepo1-azure-endpoint=http://b":   nil,
		"azure\nrepo1-azure-endpoint=https://a\nrepo1-path=/http://": nil,
	} {
		assert.Equal(t, want, parse(t, "[global]\nrepo1-type="+conf+"\n[v]\n").Repo("v", 1).PlainOptions(), conf)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(production))
	f.Add([]byte("[global]\nrepo1-path=`x\n"))
	f.Add([]byte("\xef\xbb\xbf[global]\n[a:b:restore]\ndb1-path=/x\nrepo-cipher-pass=y\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		config, err := ParseConfig("x", content)
		if err != nil {
			if why, _ := reason.Of(err); why != reason.ConfigInvalid {
				t.Errorf("%q: %v", content, err)
			}
			return
		}
		config.Secrets()
		config.Repos()
		for _, stanza := range config.Stanzas() {
			config.Repo(stanza, 1).Address()
			_ = config.Repo(stanza, 1).CheckSecrets()
		}
	})
}
