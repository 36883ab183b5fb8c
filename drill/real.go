package drill

import (
	"context"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// Real is what veza-restore was asked for.
type Real struct {
	Environment              environment.Environment // this machine
	Settings                 *settings.Pending
	To                       string // the data directory
	Plan, Resume, AcceptLoss bool
	// Confirm shows what preflight found, and asks; an error of its own ends the run before anything is
	// written. With -yes and with -plan it only shows.
	Confirm func(ctx context.Context, facts []string) error
}

// Restore restores in earnest. It reads like TestDrill.
func Restore(t suite.T, real Real) {
	run := suite.Begin(t, suite.Restore, "")

	source := suite.Step(run, "preflight", preflight, request{env: real.Environment, pending: real.Settings})
	machine := suite.Step(run, "launch", launch, source)
	sandbox := suite.Step(run, "provision", provision, machine)
	files := suite.Step(run, "restore", restore, sandbox)
	clone := suite.Step(run, "recover", recoverCluster, files)
	suite.Step(run, "verify", verifyCluster, clone)
	suite.Always(run, "handover", teardown)
}
