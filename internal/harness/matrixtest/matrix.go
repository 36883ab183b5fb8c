// Package matrixtest runs the drill, the backup checks and a part of the corpus with the PostgreSQL
// and pgBackRest of each Debian release, in containers of it, and what one release says of the
// backups of another. The versions are the images' own: nothing here knows one.
package matrixtest

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
)

// lastMade is the image of any release that was made last.
const lastMade = "veza-drill/postgres:latest"

// suites are the Debian releases that must pass; `make version-images` makes an image of each.
var suites = []string{"bookworm", "trixie", "sid"}

// release is a Debian release, as its image says.
type release struct {
	suite, image      string
	major, pgbackrest string
}

// Run runs everything on every release.
func Run(t *testing.T) {
	t.Helper()
	all, built := releases(t), build(t)
	for _, r := range all {
		t.Run(r.suite, func(t *testing.T) {
			t.Logf("%s: PostgreSQL %s, pgBackRest %s", r.image, r.major, r.pgbackrest)
			t.Run("Drill", func(t *testing.T) { r.passes(t, built, "drill") })
			t.Run("Compare", func(t *testing.T) { r.compares(t, built) })
			t.Run("Backup", func(t *testing.T) { r.passes(t, built, "backup") })
			t.Run("Faults", func(t *testing.T) { r.faults(t, built) })
		})
	}
}

// releases finds the images.
func releases(t *testing.T) (all []release) {
	t.Helper()
	for _, suite := range suites {
		names := strings.Fields(docker(t, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}",
			"--filter", "label=kind=container", "--filter", "label=suite="+suite, "veza-drill/postgres"))
		names = slices.DeleteFunc(names, func(name string) bool { return name == lastMade })
		require.NotEmpty(t, names, "there is no image of Debian %s: make version-images", suite)
		for _, name := range names {
			has := about(t, name)
			major, _, _ := strings.Cut(has[0], ".")
			all = append(all, release{suite, name, major, has[1]})
		}
	}
	return all
}

// about are the versions of PostgreSQL and pgBackRest in an image.
func about(t *testing.T, image string) []string {
	t.Helper()
	has := strings.Fields(docker(t, "image", "inspect", "--format",
		`{{index .Config.Labels "postgresql"}} {{index .Config.Labels "pgbackrest"}}`, image))
	require.Len(t, has, 2, "%s does not say its versions: fixtures/images/build -f container", image)
	return has
}

// passes runs one suite: a cluster, its repository and the machine it is restored into are made, all of them
// containers of the release.
func (r release) passes(t *testing.T, p programs, suite string, more ...string) drilltest.Outcome {
	t.Helper()
	o := drilltest.Start(t, drilltest.Plan{
		Programs: p.docker, Dir: t.TempDir(), Tmp: t.TempDir(), Out: t.TempDir(), Name: suite, Suite: suite,
		Env:  append(engine(), "DRILL_IMAGE="+r.image),
		Args: append([]string{"-rto", "1h", "-rpo", "1h"}, more...), // how fast this machine is, is not asked here
	}).End()
	assert.Equal(t, reason.ExitPass, o.Status, "%s", o.Said)
	assert.Equal(t, reason.None, o.Report.Reason, "%s", o.Report.Detail)
	info := regexp.MustCompile(`_info\{[^}]*\}`).FindString(o.Prom)
	for _, label := range []string{
		`environment="docker"`, `pg_version="` + r.major + `"`, `pgbackrest_version="` + r.pgbackrest + `"`,
	} {
		assert.Contains(t, info, label)
	}
	return o
}

// compares runs the drill of a cluster that has a standby, which is asked for all of it.
func (r release) compares(t *testing.T, p programs) {
	t.Helper()
	o := r.passes(t, p, "drill", "-compare", "standby")
	for name, want := range map[string]float64{"compare_coverage_ratio": 1, "different_relations": 0} {
		got, published := o.Value(name, "")
		assert.True(t, published, name)
		assert.InDelta(t, want, got, 0, name)
	}
}

// faults runs the rows of the corpus that every version must pass, in a container in which clusters,
// stores and drills are processes, as they are on a machine of the release.
func (r release) faults(t *testing.T, p programs) {
	t.Helper()
	argv := r.container(p, "--shm-size=4g")
	said, err := command(t, faultsTime, argv[0], append(argv[1:], filepath.Join(inside, "faults.test"),
		"-test.timeout="+faultsTime.String(), "-programs="+inside, "-versions", "-table")...)
	t.Logf("%s", said)
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^[0-9]+ faults, 0 not as expected`, said)
}
