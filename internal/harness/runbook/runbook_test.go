package runbook_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/runbook"
)

func TestRead_KeepsBlocksInTheirSections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(content string) {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	const told = "# A page\n```sh\nSTANZA=veza\n```\n"
	write(told + "## 1. By hand\n```\nmc admin user add STORE\n```\n## 2. Both\n" +
		"```sh on=primary\none\ntwo\n```\ntext\n```sh on=drill\nthree\n```\n")
	page, err := runbook.Read(path)
	require.NoError(t, err)
	assert.Equal(t, runbook.Page{
		Preamble: "STANZA=veza\n",
		Sections: []runbook.Section{
			{Number: "1"}, {Number: "2", Blocks: []runbook.Block{{"primary", "one\ntwo\n"}, {"drill", "three\n"}}},
		},
	}, page)
	assert.Len(t, page.Blocks(), 2)

	for name, content := range map[string]string{
		"a block without its end":           told + "## 1. One\n```sh on=primary\none\n",
		"commands before the first section": told + "```sh on=primary\none\n```\n## 1. One\n",
		"no section":                        told,
		"nothing that every shell is told":  "## 1. One\n",
	} {
		write(content)
		_, err = runbook.Read(path)
		assert.ErrorContains(t, err, path, name)
	}
}

func TestPlay_TakesTheInventorysCommandAlone(t *testing.T) {
	arguments, ok := runbook.Play("ansible-playbook -i inventory --ask-vault-pass postgres_ha.yml --tags repository\n")
	assert.True(t, ok)
	assert.Equal(t, "--tags repository", arguments)
	_, ok = runbook.Play("ansible-playbook other.yml\n")
	assert.False(t, ok)
}
