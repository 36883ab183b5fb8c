package pgbackrest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// Every name that pgBackRest's own table calls deprecated is known here by the name that took
// its place: deprecated-options.txt is that table (name, option, which of dbN- and db- it takes),
// the same at 2.45 and 2.59.1.
func TestNameOf_IsPgBackRestsOwnTable(t *testing.T) {
	content, err := os.ReadFile("../../fixtures/pgbackrest/deprecated-options.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		field := strings.Fields(line)
		name, option, grouped := field[0], field[1], false
		for _, group := range []string{"repo", "pg"} {
			grouped = grouped || strings.HasPrefix(option, group+"-")
		}
		if field[3] == "unindexed" {
			want := option
			if grouped {
				want = strings.Replace(option, "-", "1-", 1)
			}
			assert.Equal(t, want, NameOf(name))
		}
		if field[2] == "indexed" {
			assert.Equal(t, strings.Replace(option, "-", "3-", 1), NameOf(strings.Replace(name, "-", "3-", 1)))
		}
	}
	assert.Len(t, strings.Split(strings.TrimSpace(string(content)), "\n"), 39)
}

func TestNameOf_LeavesTheRest(t *testing.T) {
	for _, name := range []string{
		"repo1-path", "repo12-s3-key", "repo1-host", "process-max", "retention", "backup-standby",
		"repo-retention-full",
		"pg-path", "db-include", "db-exclude", "", "-", "1-a", "no-dash9",
	} {
		assert.Equal(t, name, NameOf(name))
	}
	assert.Equal(t, "repo1-path", NameOf("repo01-path"), "pgBackRest reads the key as a number")
}

// A conf from before repositories had numbers says what it always said.
func TestConfig_OldNames(t *testing.T) {
	conf := parse(t, "[global]\nrepo-type=s3\nrepo-s3-host=h\nrepo1-s3-port=9000\nrepo-s3-endpoint=e\n"+
		"repo-s3-verify-ssl=n\nrepo-s3-ca-file=/ca\nrepo-cipher-type=aes-256-cbc\nrepo-cipher-pass=open sesame\n"+
		"repo-s3-key=K\nrepo-s3-key-secret=S\nretention-full=2\n[veza]\ndb-path=/data\ndb2-host=standby\n")
	repo := conf.Repo("veza", 1)
	address, _ := repo.Address()
	assert.Equal(t, "h:9000", address.String())
	assert.Equal(t, "/ca", repo.CAFile())
	assert.False(t, repo.VerifyTLS())
	assert.True(t, repo.Encrypted())
	assert.Equal(t, []string{"veza"}, conf.Stanzas())
	assert.Equal(t, []int{1}, conf.Repos())
	assert.Equal(t, "/data", conf.Option("veza", "backup", "pg1-path"))
	assert.Equal(t, "standby", conf.Option("veza", "backup", "pg2-host"))
	assert.ElementsMatch(t, []string{"open sesame", "K", "S"}, conf.Secrets())
	l, ok := conf.Line("veza", "expire", "repo1-retention-full")
	require.True(t, ok)
	assert.Equal(t, "retention-full", l.Name)
	host := parse(t, "[global]\nbackup-host=far\n[veza]\ndb-path=/data\n").Repo("veza", 1)
	address, remote := host.Address()
	assert.True(t, remote)
	assert.Equal(t, "far:22", address.String())
	left := parse(t, "[global]\nrepo-cipher-type=aes-256-cbc\nrepo-cipher-pass=CHANGEME\n[v]\n")
	err := left.Repo("v", 1).CheckSecrets()
	why, _ := reason.Of(err)
	assert.Equal(t, reason.PlaceholderSecret, why)
}

// A stanza may be called nearly anything; [name:command] is a section of name's.
func TestStanzas_WithColons(t *testing.T) {
	for text, want := range map[string]string{
		"[veza]\npg1-path=/p\n[veza:restore]\nprocess-max=4\n[veza:archive-push]\n": "veza",
		"[veza]\npg1-path=/p\n[veza:restore]\npg1-path=/q\n":                        "veza",
		"[veza]\npg1-path=/p\n[veza:repair]\nprocess-max=4\n":                       "veza", // a command of tomorrow
		"[prod@eu:5432]\npg1-path=/p\n[prod@eu:5432:restore]\nprocess-max=4\n":      "prod@eu:5432",
		"[prod:a]\ndb-path=/p\n[prod:b]\npg2-path=/q\n":                             "prod:a, prod:b",
		"[global:restore]\na=b\n[global]\n[prod main]\npg1-path=/p\n":               "prod main",
		"[a.b]\npg1-path=/p\n[a]\npg1-path=/q\n":                                    "a.b, a",
		"[globally]\npg1-path=/p\n":                                                 "globally",
	} {
		assert.Equal(t, want, strings.Join(parse(t, text).Stanzas(), ", "), text)
	}
	name, err := parse(t, "[eu:restore]\npg1-path=/p\n").Stanza("eu:restore")
	require.NoError(t, err)
	assert.Equal(t, "eu:restore", name)
	colon := parse(t, "[global]\nprocess-max=1\n[a:1]\npg1-path=/p\nprocess-max=2\n[a:1:restore]\nprocess-max=3\n")
	assert.Equal(t, "3", colon.Option("a:1", "restore", "process-max"))
	assert.Equal(t, "2", colon.Option("a:1", "backup", "process-max"))
}

// What pgBackRest refuses with [029] is config_invalid with its place, and the line stays unsaid.
func TestParseConfig_Refuses(t *testing.T) {
	for text, says := range map[string]string{
		"\xef\xbb\xbf[global]\n":           "/etc/x.conf:1: the file begins with a byte order mark",
		"\xef\xbb\xbf# c\n[global]\n":      "/etc/x.conf:1: the file begins with a byte order mark",
		"; c\n[global]\n":                  "/etc/x.conf:1: a line before the first [section]",
		"# c\n\nrepo1-path=/s3cret\n":      "/etc/x.conf:3: a line before the first [section]",
		"[global]\n; s3cret\n":             "/etc/x.conf:2: a line is neither",
		"[global]\nrepo1-path: /s3cret\n":  "/etc/x.conf:2: a line is neither",
		"[global] # s3cret\n":              "/etc/x.conf:1: a section must end with ]",
		"[global\nrepo1-path=/s3cret\n":    "/etc/x.conf:1: a section must end with ]",
		"[]\n":                             "/etc/x.conf:1: a section without a name",
		"[global]\n = s3cret\n":            "/etc/x.conf:2: a value without an option",
		"[global]\nrepo1-path=/a \\\n b\n": "/etc/x.conf:3: a line is neither",
	} {
		_, err := ParseConfig("/etc/x.conf", []byte(text))
		why, _ := reason.Of(err)
		require.Equal(t, reason.ConfigInvalid, why, text)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "[029]")
		assert.NotContains(t, err.Error(), "s3cret")
	}
	_, err := ParseConfig("/etc/x.conf", []byte("[global]\n"), ConfFile{"/etc/conf.d/y.conf", []byte("a=b\n")})
	assert.ErrorContains(t, err, "/etc/conf.d/y.conf:1", "each file stands for itself")
}

// What only looks odd is read as pgBackRest reads it.
func TestParseConfig_Takes(t *testing.T) {
	conf := parse(t, "# c\r\n\t[global]  \r\n\r\nrepo1-path = /a b \r\n#x=y\nlog-path=`/l\n"+
		"repo1-cipher-pass=\"p;#q=\"\n"+
		"[global]\nno-such-option=1\n[veza]\npg1-path=/p")
	assert.Equal(t, "/a b", conf.Option("veza", "restore", "repo1-path"))
	assert.Equal(t, "`/l", conf.Option("veza", "restore", "log-path"))
	assert.Equal(t, []string{`"p;#q="`}, conf.Secrets())
	assert.Equal(t, []string{"veza"}, conf.Stanzas())
}

func TestVariables(t *testing.T) {
	found := Variables([]string{
		"PATH=/bin", "PGBACKREST_REPO1_CIPHER_PASS=s", "PGBACKREST_REPO_PATH=/r", "PGHOST=x",
		"PGBACKREST_RETENTION_FULL=2", "PGBACKREST_CONFIG=/c", "PGBACKREST_REPO2_TYPE=s3",
	})
	text := ""
	for _, v := range found {
		text += v.Name + " " + v.Option
		if v.Reaches(1) {
			text += " !"
		}
		text += "\n"
	}
	assert.Equal(t, "PGBACKREST_CONFIG config\nPGBACKREST_REPO1_CIPHER_PASS repo1-cipher-pass !\n"+
		"PGBACKREST_REPO2_TYPE repo2-type\nPGBACKREST_REPO_PATH repo1-path !\n"+
		"PGBACKREST_RETENTION_FULL repo1-retention-full\n", text)
}
