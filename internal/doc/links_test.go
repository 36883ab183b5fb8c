package doc

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every relative link of every page leads to a file, and to a heading when it names one.
func TestPages_LinksResolve(t *testing.T) {
	links := 0
	for _, page := range pages(t) {
		for _, link := range linksOf(content(t, page)) {
			links++
			assert.NoError(t, resolve(page, link), "%s: link to %s", page, link)
		}
	}
	assert.Greater(t, links, 80, "of all pages together")
}

// A test that finds nothing proves nothing: these links must not resolve.
func TestResolve_FindsWhatLeadsNowhere(t *testing.T) {
	for _, link := range []string{
		"drill", "drill/READTHIS.md", "drill/README.md#no-such-heading", "#no-such-heading",
		"../README.md", "/README.md", "Makefile#help", "internal/README.md#make-faults",
	} {
		assert.Error(t, resolve("README.md", link), link)
	}
	for _, link := range []string{
		"drill/README.md#keep-the-restored-cluster--keep", "#operators-cheat-sheet", "#make-drill", "Makefile",
		"fixtures/runbooks/restore-for-real.md#4-restore",
	} {
		assert.NoError(t, resolve("README.md", link), link)
	}
	assert.Equal(t, []string{"a.md", "b.md#c", "d.md"},
		linksOf("[`a`](a.md) and [b](b.md#c)\n```\n[x](no.md)\n```\n`[y](no.md)` [z](https://veza.fr)\n\n[d]: d.md\n"))
	assert.Equal(t, map[string]bool{"a": true, "a-1": true, "b_c-d": true},
		anchors("# A\n## a\n```\n# not\n```\n### `b_c`: [d](e)!\n"))
}

// notOurs are folders whose pages are not committed, or not the project's.
var notOurs = map[string]bool{".git": true, "out": true, "testdata": true, "inventory": true}

// pages are all pages of the checkout, from its root.
func pages(t *testing.T) (list []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && notOurs[entry.Name()] {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			page, relErr := filepath.Rel(root, name)
			list = append(list, page)
			return relErr
		}
		return nil
	}))
	for _, page := range []string{
		"README.md", "drill/README.md", "backup/README.md", "internal/README.md", "fixtures/ansible/README.md",
		"fixtures/runbooks/restore-for-real.md", ".github/CONTRIBUTING.md", ".github/CHANGELOG.md",
	} {
		require.Contains(t, list, page)
	}
	return list
}

var (
	fence     = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	code      = regexp.MustCompile("`[^`\n]*`")
	inline    = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
	reference = regexp.MustCompile(`(?m)^\[[^\]]+\]: (\S+)`)
	elsewhere = regexp.MustCompile(`^[a-z]+:`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
)

// linksOf are the relative links of a page; what is shown as code is none.
func linksOf(text string) (links []string) {
	text = code.ReplaceAllString(fence.ReplaceAllString(text, ""), "")
	for _, match := range append(inline.FindAllStringSubmatch(text, -1), reference.FindAllStringSubmatch(text, -1)...) {
		if !elsewhere.MatchString(match[1]) {
			links = append(links, match[1])
		}
	}
	return links
}

// resolve follows a link of a page.
func resolve(page, link string) error {
	file, anchor, named := strings.Cut(link, "#")
	target := path.Join(path.Dir(page), file)
	switch {
	case file == "":
		target = page
	case path.IsAbs(file) || strings.HasPrefix(target, "../"):
		return fmt.Errorf("%s is outside of the checkout", file)
	}
	info, err := os.Stat(filepath.Join(root, target))
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", target)
	}
	if !named {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(root, target))
	if err != nil {
		return err
	}
	if !strings.HasSuffix(target, ".md") || !anchors(string(text))[anchor] {
		return fmt.Errorf("%s has no heading #%s", target, anchor)
	}
	return nil
}

// anchors are what the headings of a page are called in links, as GitHub and Forgejo make
// them: lower case, a hyphen for a space, without punctuation; a second one is numbered.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		title := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(match[1], "$1")
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))
		unique := name
		for i := 1; names[unique]; i++ {
			unique = fmt.Sprintf("%s-%d", name, i)
		}
		names[unique] = true
	}
	return names
}
