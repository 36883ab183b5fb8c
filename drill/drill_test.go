package drill

import (
	"testing"

	"veza.fr/recovery/internal/suite"
)

// TestDrill restores a backup as an operator would in a disaster, in this order.
// Each step is a subtest; a step behind a failed one is not run, but teardown is.
func TestDrill(t *testing.T) {
	suite.NeverCached(t, "drill_test.go")
	if testing.Short() {
		t.Skip("-short leaves the drill out; testprom reports that as no_tests")
	}
	d := begin(t)

	// Are the tools, the credentials, the backup and the whole archive there?
	d.step("preflight", d.preflight)
	// A throw-away machine of the run's own.
	d.step("launch", d.launch)
	// PostgreSQL, pgBackRest and the same pgbackrest.conf as the host.
	d.step("provision", d.provision)
	// The pinned set, by pgbackrest restore.
	d.step("restore", d.restore)
	// WAL replay, and the proof that it reached the end of the archive.
	d.step("recover", d.recover)
	// Cut off from production, data there, budgets kept.
	d.step("verify", d.verify)
	// Nothing is left behind, unless -keep asks for it.
	d.always("teardown", d.teardown)
}
