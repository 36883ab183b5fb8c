package packaging

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// link is a relative one of a page, without its place in the other page.
var link = regexp.MustCompile(`\]\(([^)#:]+\.md)(?:#[^)]*)?\)`)

// forBuilders is what an operator does not need: how it is made, and the recipes that run from a checkout.
var forBuilders = regexp.MustCompile(`^(internal|\.github|fixtures/(ansible|images|streams))/`)

// An installed page that an operator needs leads from one to the other; the rest are pages of the source.
func TestPages_LeadToOneAnother(t *testing.T) {
	s, _ := staged(t, Environments[0], 0o022)
	pages := filepath.Join(s.root, "usr", strings.ReplaceAll(docs, pkgName, Environments[0].Package()))
	there := 0
	require.NoError(t, filepath.WalkDir(pages, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			to := filepath.Join(filepath.Dir(path), found[1])
			below, err := filepath.Rel(pages, to)
			require.NoError(t, err)
			if forBuilders.MatchString(below) || strings.HasPrefix(below, "..") {
				continue
			}
			there++
			assert.FileExists(t, to, "%s leads to %s", path, found[1])
		}
		return nil
	}))
	assert.Greater(t, there, 50)
}
