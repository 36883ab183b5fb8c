package drill

import (
	"testing"

	"veza.fr/recovery/internal/suite"
)

// TestControl asks whether the drill is red when it should be. Each claim puts one fault into a view of the
// repository and drills that, with the steps of TestDrill and no further than the fault shows.
func TestControl(t *testing.T) {
	run := suite.Begin(t, suite.Control, "control_test.go")
	c := suite.Open(run, openControl, request{env: bind(), pending: pending})
	run.Ask(suite.Control.StepNames())

	// A segment in the middle of the archive is not there.
	suite.Claim(run, "hidden_segment", hiddenSegment, c)
	// One byte of it is not what it was.
	suite.Claim(run, "flipped_segment", flippedSegment, c)
	// A file of the backup set ends too soon.
	suite.Claim(run, "cut_backup_file", cutBackupFile, c)
	// The store refuses the drill's key.
	suite.Claim(run, "denied", denied, c)
}
