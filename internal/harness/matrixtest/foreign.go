package matrixtest

import (
	_ "embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// RunForeign drills the backups of one release on machines of another: no verdict on the backups, and
// the sentence says what is there, what is needed, and what to type. Where the image is chosen by the
// backup, they restore.
func RunForeign(t *testing.T) {
	t.Helper()
	all, built := releases(t), build(t)
	for n, from := range all {
		to := all[(n+1)%len(all)]
		repository := seed(t, from)
		t.Run(from.suite+"On"+to.suite, func(t *testing.T) {
			t.Run("Process", func(t *testing.T) { to.refusesHere(t, built, from, repository) })
			t.Run("Docker", func(t *testing.T) { to.refusesInDocker(t, built, from, repository) })
			t.Run("ImageByTheBackup", func(t *testing.T) { restores(t, built, from, repository) })
		})
	}
}

//go:embed seed.sh
var seedScript string

// seed makes a repository with the programs of a release, in a directory of this machine that a
// container sees at the same place, and returns its pgbackrest.conf.
func seed(t *testing.T, from release) (conf string) {
	t.Helper()
	dir := public(t)
	said, err := command(t, dockerTime*2, "docker", "run", "--rm", "--init", "--network=none", "--user=postgres",
		"--volume="+dir+":"+dir, from.image, "sh", "-c", seedScript, "seed", dir)
	require.NoError(t, err, said)
	return filepath.Join(dir, "pgbackrest.conf")
}

// public is a directory that every user may use.
func public(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "veza-matrix-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

// refusesHere: a machine of the other release, on which everything is a process.
func (r release) refusesHere(t *testing.T, p programs, from release, conf string) {
	t.Helper()
	out, repository := public(t), filepath.Dir(conf)
	o := drilltest.Start(t, drilltest.Plan{
		Prefix:   r.container(p, "--volume="+out+":"+out, "--volume="+repository+":"+repository+":ro"),
		Programs: inside, Dir: out, Tmp: out, Out: out, Name: "drill", Env: engine(),
		Args: []string{"-conf", conf},
	}).End()
	refused(t, o, "PostgreSQL "+from.major, " "+r.major+".", "apt-get install postgresql-"+from.major)
}

// refusesInDocker: the other release's image was asked for.
func (r release) refusesInDocker(t *testing.T, p programs, from release, conf string) {
	t.Helper()
	out := t.TempDir()
	o := drilltest.Start(t, drilltest.Plan{
		Programs: p.docker, Dir: out, Tmp: out, Out: out, Name: "drill", Env: append(engine(), "DRILL_IMAGE="+r.image),
		Args: []string{"-conf", conf},
	}).End()
	refused(t, o, r.image, "PG_MAJOR="+from.major+" make images")
	if versions.Older(r.pgbackrest, from.pgbackrest) { // which is seen before there is a sandbox
		refused(t, o, from.pgbackrest, r.pgbackrest)
	} else {
		refused(t, o, "PostgreSQL "+from.major, " "+r.major+".")
	}
}

// refused: the sentence names both versions, and what to type.
func refused(t *testing.T, o drilltest.Outcome, names ...string) {
	t.Helper()
	assert.Equal(t, reason.ExitEnvironment, o.Status, "%s", o.Said)
	assert.Equal(t, reason.VersionMismatch, o.Report.Reason)
	for _, words := range names {
		assert.Contains(t, o.Report.Detail, words)
	}
}

// restores: no image is named, and so it is that of the backup's version. What asks the repository before
// that is known is the image that was made last: where its pgBackRest is too old, the sentence says so.
func restores(t *testing.T, p programs, from release, conf string) {
	t.Helper()
	out := t.TempDir()
	o := drilltest.Start(t, drilltest.Plan{
		Programs: p.docker, Dir: out, Tmp: out, Out: out, Name: "drill", Env: engine(),
		Args: []string{"-conf", conf, "-rto", "1h", "-rpo", "24h"},
	}).End()
	if last := about(t, lastMade); versions.Older(last[1], from.pgbackrest) {
		refused(t, o, lastMade, from.pgbackrest, last[1], "PG_MAJOR="+from.major+" make images")
		return
	}
	assert.Equal(t, reason.ExitPass, o.Status, "%s", o.Said)
	assert.Contains(t, o.Prom, `pg_version="`+from.major+`"`)
}
