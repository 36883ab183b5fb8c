package drill

import (
	"flag"
	"os"
	"testing"

	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// pending are the settings of this run. They are validated by preflight, so that a
// bad one is reported like any other finding.
var pending = settings.Register(flag.CommandLine)

func TestMain(m *testing.M) {
	if exit, done := suite.ParseFlags(flag.CommandLine, os.Args[1:]); done {
		os.Exit(exit)
	}
	if pending.Version(os.Stdout, suite.Drill.Name+".test") {
		return
	}
	os.Exit(suite.Main(m, suite.Drill.Test)) // -short runs the unit tests
}
