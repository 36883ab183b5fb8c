package lab

import "fmt"

// Major is a major version of PostgreSQL. With it goes a release of Debian: the image of
// the nodes is the one that fixtures/images/build makes for it.
type Major int

// DefaultMajor is production's.
const DefaultMajor Major = 15

// Majors are those of a lab: its own, and that of the machine Next.
func Majors(lab Major) []Major {
	if lab == NextMajor {
		return []Major{lab}
	}
	return []Major{lab, NextMajor}
}

// image is a Debian with systemd, PostgreSQL and pgBackRest: `make image KIND=node`.
func (m Major) image() string { return fmt.Sprintf("veza-lab/%d", m) }

// Sandbox is the image that drills restore into: `make image`.
func (m Major) Sandbox() string { return fmt.Sprintf("veza-drill/%d", m) }

// bin and data are where Debian's packages have the programs, and would have a cluster.
func (m Major) bin() string             { return fmt.Sprintf("/usr/lib/postgresql/%d/bin", m) }
func (m Major) data(name string) string { return fmt.Sprintf("/var/lib/postgresql/%d/%s", m, name) }
