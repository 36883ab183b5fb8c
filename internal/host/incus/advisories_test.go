package incus

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A daemon is told of what its version has, a fixed release of a long-term branch of nothing older.
func TestWarning(t *testing.T) {
	const setuid, templates, link, root = "CVE-2025-64507", "CVE-2026-23954", "CVE-2026-48752", "CVE-2026-63125"
	for version, want := range map[string][]string{
		"6.0.4":  {setuid, templates, link, root},
		"6.0.5":  {setuid, templates, link, root},
		"6.0.6":  {link, root},
		"6.0.10": {link, root},
		"6.1":    {setuid, templates, link, root},
		"6.18":   {setuid, templates, link, root},
		"6.19":   {templates, link, root},
		"6.19.1": {templates, link, root},
		"6.20.0": {templates, link, root},
		"6.21.0": {link, root},
		"7.0.0":  {link, root},
		"7.2":    {root},
		"7.2.0":  {root},
		"7.3":    nil,
		"7.3.0":  nil,
		"8.0.0":  nil,
		"":       nil,
		"latest": nil,
		"6":      nil,
		"6.0.x":  nil,
	} {
		said := warning("the daemon", version)
		for _, cve := range []string{setuid, templates, link, root} {
			assert.Equal(t, slices.Contains(want, cve), strings.Contains(said, cve), "%s: %s", version, cve)
		}
		if want == nil {
			assert.Empty(t, said, version)
			continue
		}
		assert.Contains(t, said, "the daemon is version "+version)
		assert.Contains(t, said, "Upgrade it", "what to do next")
	}
}

// Each row has what somebody needs to look it up.
func TestAdvisories(t *testing.T) {
	for _, a := range advisories {
		assert.Regexp(t, `^CVE-20\d\d-\d{4,}$`, a.cve)
		assert.Regexp(t, `^GHSA(-[23456789cfghjmpqrvwx]{4}){3}$`, a.ghsa)
		require.NotEmpty(t, a.fixed)
		for _, version := range a.fixed {
			assert.Regexp(t, numbers, version)
			assert.False(t, a.affects(version), "%s: %s is fixed in it", a.cve, version)
		}
		assert.NotEmpty(t, a.what)
	}
}

// Whatever a daemon calls its version, the sentence repeats nothing but numbers.
func FuzzWarning(f *testing.F) {
	f.Add("6.0.4")
	f.Add("99999999999999999999.1")
	f.Add("6.0.4\n\x1b[2J")
	f.Fuzz(func(t *testing.T, version string) {
		if warning("the daemon", version) != "" {
			assert.Regexp(t, `^[0-9.]+$`, version)
		}
	})
}
