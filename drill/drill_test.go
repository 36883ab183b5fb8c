package drill

import (
	"testing"

	"veza.fr/recovery/internal/suite"
)

// TestDrill restores a backup as an operator would in a disaster, in this order.
// Each step is a subtest that hands what it found on to the next one. A step after a failed
// one is not run, but teardown is.
func TestDrill(t *testing.T) {
	run := suite.Begin(t, suite.Drill, "drill_test.go")

	// Are the tools, the credentials, the backup and the whole archive there?
	source := suite.Step(run, "preflight", preflight, request{env: bind(), pending: pending})
	// A throw-away machine of the run's own.
	machine := suite.Step(run, "launch", launch, source)
	// PostgreSQL, pgBackRest and the same pgbackrest.conf as the host.
	sandbox := suite.Step(run, "provision", provision, machine)
	// The pinned set, by pgbackrest restore.
	files := suite.Step(run, "restore", restore, sandbox)
	// WAL replay, and the proof that it reached the end of the archive.
	clone := suite.Step(run, "recover", recoverCluster, files)
	// Cut off from production, data there, budgets kept.
	suite.Step(run, "verify", verifyCluster, clone)
	// Nothing is left behind, unless -keep asks for it.
	suite.Always(run, "teardown", teardown)
}
