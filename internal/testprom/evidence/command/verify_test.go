package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// Whatever is done to evidence, verify says what, and never 0; the gate is closed.
func TestVerify_FindsTampering(t *testing.T) {
	for _, c := range slices.Concat(ofLines, ofEnvelopes) {
		t.Run(c.name, func(t *testing.T) {
			m := make7(t)
			exit, out := m.run("verify", m.dir, "-key", m.pub())
			require.Equal(t, 0, exit, out)
			c.do(hands{m, t})
			exit, out = m.run("verify", m.dir, "-key", m.pub())
			assert.Equal(t, max(c.exit, 1), exit)
			assert.Contains(t, out, c.want)
			assert.NotContains(t, out, "\x1b")
			if exit, out = m.run("gate", "-key", m.pub(), m.dir); c.name != "a missing week" {
				assert.NotEqual(t, 0, exit, out)
			}
		})
	}
}

// What is no tampering is none: the twin of the table above.
func TestVerify_WhatIsNoTampering(t *testing.T) {
	m := make7(t)
	for name, do := range map[string]func(){
		"nothing": func() {},
		"a copy of the directory": func() {
			copied := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(copied, os.DirFS(m.dir)))
			m.dir = copied
		},
		"no right to write": func() {
			require.NoError(t, os.Chmod(m.path(evidence.LedgerName), 0o444))
		},
		"a link to the directory": func() {
			link := filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.Symlink(m.dir, link))
			m.dir = link
		},
	} {
		do()
		exit, out := m.run("verify", m.dir, "-key", m.pub())
		assert.Equal(t, 0, exit, "%s: %s", name, out)
	}
}

// The end cut off, lines and envelopes alike, cannot be seen from inside. A head that was kept shows it, and so does
// the age of what is left.
func TestVerify_TheEndCutOff(t *testing.T) {
	m := make7(t)
	_, out := m.run("verify", m.dir, "-key", m.pub())
	_, head, _ := strings.Cut(strings.TrimSpace(out), "head   ")
	m.setLines(t, m.lines(t)[:4]...)
	for _, gone := range []int{5, 6, 7} {
		require.NoError(t, os.Remove(m.path(evidence.FileName(gone))))
	}
	exit, _ := m.run("verify", m.dir, "-key", m.pub())
	assert.Equal(t, 0, exit, "as documented")
	exit, out = m.run("verify", m.dir, "-key", m.pub(), "-head", head)
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "no line has the hash "+head)
	m.setLines(t, m.lines(t)[:3]...)
	require.NoError(t, os.Remove(m.path(entry4)))
	exit, out = m.run("gate", m.dir, "-key", m.pub())
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "the newest drill is 23.0 days old, and may be 8.0 days")
}
