package incus

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/versions"
)

var _ sandbox.Warner = Provider{}

// advisory is a known way from a container, or from an image, to the host's files.
type advisory struct {
	cve, ghsa string   // it stands at https://github.com/lxc/incus/security/advisories/GHSA-...
	fixed     []string // the first release without it: of a long-term branch, and behind them of all others
	what      string
}

// advisories are those known when this was written, of the daemon; read in the GitHub advisory database and in the
// records of cve.org. Where a record names no release of the 6.0 branch, that branch counts as without a fix.
var advisories = []advisory{
	{
		"CVE-2025-64507", "GHSA-56mx-8g9f-5crf",
		[]string{"6.0.6", "6.19.0"},
		"root in a container and any user on the host become root there, by a setuid file in a custom volume",
	},
	{
		"CVE-2026-23954", "GHSA-7f67-crqm-jgh7",
		[]string{"6.0.6", "6.21.0"},
		"the templates of an image read and write the host's files",
	},
	{
		"CVE-2026-48752", "GHSA-vxp5-584q-c479",
		[]string{"7.2.0"},
		"a symbolic link in an image or a backup leads to the host's files",
	},
	{
		"CVE-2026-63125", "GHSA-6rqx-22hc-qm36",
		[]string{"7.3.0"},
		"a symbolic link in an image makes the daemon run what it should not, as root",
	},
}

// numbers is what a daemon's version looks like: 6.0.4, 7.2.
var numbers = regexp.MustCompile(`^\d+(\.\d+)+$`)

// affects says whether a release has it, by its number.
func (a advisory) affects(version string) bool {
	for _, fixed := range a.fixed {
		if branch(fixed) == branch(version) {
			return versions.Older(version, fixed)
		}
	}
	return versions.Older(version, a.fixed[len(a.fixed)-1])
}

// branch is the series of a release: 6.0 of 6.0.4.
func branch(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}

// warning is the sentence on a daemon's version, "" where nothing is known.
func warning(place, version string) string {
	var known []string
	for _, a := range advisories {
		if numbers.MatchString(version) && a.affects(version) {
			known = append(known, fmt.Sprintf("%s (%s; fixed in %s)", a.cve, a.what, strings.Join(a.fixed, " and ")))
		}
	}
	if len(known) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is version %s, by its number with known ways to the host's files: %s. Upgrade it; a "+
		"distribution may have mended them under the same number", place, version, strings.Join(known, ", "))
}

// Warnings are what is known of the daemon's version.
func (p Provider) Warnings(ctx context.Context) ([]string, error) {
	d, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	about, err := d.about(ctx)
	if err != nil {
		return nil, err
	}
	if said := warning(d.place, about.Environment.ServerVersion); said != "" {
		return []string{said}, nil
	}
	return nil, nil
}
