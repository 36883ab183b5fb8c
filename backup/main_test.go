package backup

import (
	"flag"
	"os"
	"testing"

	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// pending are the settings of this run. They are validated before the first claim, so
// that a bad one is reported like any other finding.
var pending = settings.Register(flag.CommandLine)

func TestMain(m *testing.M) {
	if exit, done := suite.ParseFlags(flag.CommandLine, os.Args[1:]); done {
		os.Exit(exit)
	}
	if pending.Version(os.Stdout, suite.Backup.Name+".test") {
		return
	}
	os.Exit(suite.Main(m, alone()))
}

// alone is TestBackup where an existing repository is checked, or nobody knows yet: what else
// stands here seeds clusters of its own, or needs none.
func alone() string {
	given, err := pending.Load(os.Environ())
	if existing := given.Conf != "" || bind().Conf != ""; existing || err != nil {
		return suite.Backup.Test
	}
	return ""
}
