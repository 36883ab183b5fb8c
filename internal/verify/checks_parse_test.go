package verify_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/verify"
)

const exampleChecks = "../../fixtures/sql/checks.yaml"

func TestLoadChecks_WithoutAFileIsTheSmokeCheck(t *testing.T) {
	checks, err := verify.LoadChecks("", "veza", 42)
	require.NoError(t, err)
	require.Len(t, checks, 1)
	assert.Equal(t, "users", checks[0].Name)
	assert.Equal(t, "veza", checks[0].Database)
	assert.Equal(t, "SELECT count(*) FROM users", checks[0].Query)
	assert.Equal(t, "at least 42", checks[0].Expect.String())
}

func TestLoadChecks_TheExampleParses(t *testing.T) {
	checks, err := verify.LoadChecks(exampleChecks, "veza", 1)
	require.NoError(t, err)
	var got []string
	for _, c := range checks {
		got = append(got, c.Name+" "+c.Database+" "+c.Expect.String())
	}
	assert.Equal(t, []string{
		"users veza at least 1000",
		"orders_without_user veza 0",
		"newest_order veza at most 26h0m0s old",
		"currency billing \"EUR\"",
	}, got)
}

func TestLoadChecks_AFileThatCannotBeReadIsAnError(t *testing.T) {
	_, err := verify.LoadChecks(filepath.Join(t.TempDir(), "no.yaml"), "veza", 1)
	got, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, got)
	assert.ErrorContains(t, err, "no.yaml")
}

func TestParseChecks_TakesEveryWayToWriteAQuery(t *testing.T) {
	const want = "SELECT count(*)\nFROM users"
	for _, text := range []string{
		"- {name: a, query: \"SELECT count(*)\\nFROM users\", min: 1}",
		"- name: a\n  query: |\n    SELECT count(*)\n    FROM users\n  min: 1\n",
		"---\n# comment\n- name: a\n  min: 1 # one\n  query: |-\n    SELECT count(*)\n    FROM users\n...\n",
	} {
		checks, err := verify.ParseChecks("c.yaml", []byte(text), "veza")
		require.NoError(t, err, text)
		assert.Equal(t, want, checks[0].Query)
	}
}

func TestParseChecks_ExpectationsKeepTheirType(t *testing.T) {
	for text, want := range map[string]string{
		"equals: 0":                      "0",
		"equals: -12.50":                 "-12.5",
		"equals: 12345678901234567890.1": "12345678901234567890.1",
		"equals: \"0\"":                  `"0"`,
		"equals: on":                     `"on"`,
		"equals: true":                   "true",
		"equals: 2026-08-23":             `"2026-08-23"`,
		"equals: ''":                     `""`,
		"min: 0.5":                       "at least 0.5",
		"max_age: 90s":                   "at most 1m30s old",
	} {
		checks, err := verify.ParseChecks("c.yaml", []byte("- name: a\n  query: SELECT 1\n  "+text), "veza")
		require.NoError(t, err, text)
		assert.Equal(t, want, checks[0].Expect.String(), text)
	}
}

func TestParseChecks_BadInputNamesFileLineAndCause(t *testing.T) {
	const ok = "- {name: a, query: SELECT 1, min: 1}\n"
	for name, c := range map[string]struct{ text, says string }{
		"empty file":          {"", "c.yaml: no check stands in it"},
		"comments only":       {"# later\n", "c.yaml: no check stands in it"},
		"empty list":          {"[]", "c.yaml:1: the list is empty"},
		"mapping on top":      {"checks:\n" + ok, "c.yaml:1: the file must hold one YAML list"},
		"text on top":         {"SELECT 1", "c.yaml:1: the file must hold one YAML list"},
		"two documents":       {ok + "---\n" + ok, "second document"},
		"behind an empty one": {ok + "---\n---\n" + ok, "second document"},
		"behind a comment":    {ok + "---\n# later\n---\n" + ok, "second document"},
		"behind a null":       {ok + "--- !!null\n---\n" + ok, "second document"},
		"broken behind empty": {ok + "---\n---\n}", "c.yaml:4: "},
		"item is text":        {ok + "- SELECT 1\n", "c.yaml:2: a check is a mapping"},
		"unknown key":         {ok + "- name: b\n  query: SELECT 1\n  mim: 1\n", `c.yaml:4: "mim" is unknown`},
		"key twice":           {"- name: a\n  query: SELECT 1\n  min: 1\n  min: 2\n", "c.yaml:4: "},
		"name twice":          {ok + ok, "c.yaml:2: the name a stands at line 1 already"},
		"no name":             {"- {query: SELECT 1, min: 1}", "c.yaml:1: the check needs a name"},
		"name with blank":     {"- {name: a b, query: SELECT 1, min: 1}", "c.yaml:1: the check needs a name"},
		"name is a number":    {"- {name: 7, query: SELECT 1, min: 1}", "c.yaml:1: name must be text"},
		"no query":            {"- {name: a, min: 1}", "c.yaml:1: check a has no query"},
		"empty query":         {"- name: a\n  query: ' '\n  min: 1", "c.yaml:2: query must be text"},
		"null query":          {"- name: a\n  query:\n  min: 1", "c.yaml:2: query must be text"},
		"database is a list":  {"- {name: a, database: [x], query: SELECT 1, min: 1}", "database must be text"},
		"no criterion":        {"- {name: a, query: SELECT 1}", "c.yaml:1: check a has 0 of min"},
		"two criteria":        {"- {name: a, query: SELECT 1, min: 1, equals: 1}", "c.yaml:1: check a has 2 of min"},
		"min of nothing":      {"- {name: a, query: SELECT 1, min: 0}", "min must be more than 0"},
		"negative min":        {"- {name: a, query: SELECT 1, min: -1}", "min must be more than 0"},
		"min is text":         {"- {name: a, query: SELECT 1, min: '5'}", "plain decimal number"},
		"min in octal":        {"- {name: a, query: SELECT 1, min: 010}", "plain decimal number"},
		"min not a number":    {"- {name: a, query: SELECT 1, min: .nan}", "plain decimal number"},
		"min is huge":         {"- {name: a, query: SELECT 1, min: 1e999999999}", "plain decimal number"},
		"equals null":         {"- {name: a, query: SELECT 1, equals: null}", "equals must be"},
		"equals a list":       {"- {name: a, query: SELECT 1, equals: [1]}", "equals must be"},
		"age without unit":    {"- {name: a, query: SELECT 1, max_age: 90}", "max_age must be text"},
		"age of nothing":      {"- {name: a, query: SELECT 1, max_age: 0s}", "max_age must be a duration"},
		"age in days":         {"- {name: a, query: SELECT 1, max_age: 2d}", "max_age must be a duration"},
		"alias": {
			"- {name: a, query: &q SELECT 1, min: 1}\n- {name: b, query: *q, min: 1}", "query must be text",
		},
		"merge key":      {ok + "- <<: {min: 1}\n  name: b\n  query: SELECT 1\n", "unknown"},
		"broken quote":   {ok + "- name: 'b\n", "c.yaml:2: "},
		"bad indent":     {"- name: a\n query: SELECT 1\n", "c.yaml:2: "},
		"tab":            {"- name: a\n\tquery: SELECT 1\n", "c.yaml:"},
		"words after it": {ok + "SELECT 2\n", "c.yaml:"},
		"zero byte":      {"- {name: a, query: \"SELECT 1\\0\", min: 1}", "query must be text"},
	} {
		t.Run(name, func(t *testing.T) {
			checks, err := verify.ParseChecks("c.yaml", []byte(c.text), "veza")
			require.Error(t, err, "%v", checks)
			got, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, got)
			assert.Contains(t, err.Error(), c.says)
			assert.Equal(t, "c.yaml:", err.Error()[:7])
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// FuzzParseChecks: whatever is in the file, there are checks that can run or there
// is an error with a reason; never an empty list, never a crash.
func FuzzParseChecks(f *testing.F) {
	example, err := os.ReadFile(exampleChecks)
	require.NoError(f, err)
	for _, seed := range []string{string(example), "", "[]", "- {name: a, query: &q SELECT 1, min: 1}", "- name: " +
		"a\n  query: |\n    x\n  equals: !!str 1\n", "- ? a\n: b", "- *x", "%YAML 1.2\n---\n- <<: *a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checks, err := verify.ParseChecks("c.yaml", content, "veza")
		if err != nil {
			got, _ := reason.Of(err)
			require.Equal(t, reason.ConfigInvalid, got)
			return
		}
		require.NotEmpty(t, checks)
		for _, c := range checks {
			require.NotEmpty(t, c.Name)
			require.NotEmpty(t, strings.TrimSpace(c.Query))
			require.NotEmpty(t, c.Database)
			require.NotNil(t, c.Expect)
		}
	})
}

// The line is where it breaks, wherever the list began and whatever was written over several lines.
func TestParseChecks_TheLineOfASyntaxError(t *testing.T) {
	const before = "# checks\n\n- name: a\n  query: 'SELECT 1\n    FROM users'\n  min: 1\n"
	for text, want := range map[string]string{
		before + "- name: b\n query: SELECT 1\n":             "c.yaml:8: ",
		before + "- name: b\n  query: 'SELECT 1\n  min: 1\n": "c.yaml:8: ",
		before + "- name: [b\n  min: 1\n":                    "c.yaml:7: ",
		before + "min: 1\n":                                  "c.yaml:7: ",
		before + "- name: b: c\n":                            "c.yaml:7: ",
	} {
		_, err := verify.ParseChecks("c.yaml", []byte(text), "veza")
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "yaml: ")
	}
}
