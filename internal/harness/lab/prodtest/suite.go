// Package prodtest is the acceptance of what an operator installs: the Ansible roles, their
// units and timers, the alert rules. It is told as one story on the lab's formation, with
// real machines from the first task to the alert that ends: each chapter is a subtest, and
// stands on those before it.
package prodtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/lab"
)

// Where things are: here, and on the drill host.
const (
	root      = "../../../.."
	fixtures  = root + "/fixtures"
	textfiles = "/var/lib/node_exporter/textfile_collector"
	stanza    = "veza"
)

// production is what an operator has set up, and what the story has come to.
type production struct {
	lab       *lab.Lab
	drillHost string
	write     func(ctx context.Context, dir string) (secrets []string, err error) // an inventory
	inventory string
	password  string   // file of the vault's
	variables []string // of each run of the playbook, beside those of the inventory
	secrets   []string // of the vault
	place     string   // the path of the repository

	failing  time.Time // since when the alert's condition holds
	moved    string    // the object that was taken away
	switched string    // the failover, as the drill says it
}

// Run tells the story. With -run a part of it can be told again, on machines that the rest
// was told on before.
func Run(t *testing.T) {
	t.Helper()
	l, err := lab.Open(t.Context())
	require.NoError(t, err)
	p := operator(t, &production{lab: l, drillHost: lab.DrillHost, write: l.Inventory})
	for _, chapter := range []struct {
		name string
		test func(*testing.T, *production)
	}{
		{"BareMachines", bare},
		{"PlaceholdersAreRefusedByTheFirstTask", placeholders},
		{"CheckModeWorksBeforeTheFirstApply", checkMode},
		{"WithoutLeaveToRestartThePlayStops", noRestart},
		{"Apply", apply},
		{"AlertsAreLoaded", loadAlerts},
		{"UnitsAreSound", sound},
		{"ThePrimaryBeats", beats},
		{"BackupsByTheirUnits", backups},
		{"BackupsWithoutTheMonitor", withoutMonitor},
		{"ANodeThatDoesNotKnowItsRoleDoesNotSkip", notKnown},
		{"ChecksByTheirTimer", checks},
		{"DrillByItsTimer", drill},
		{"WithoutItsPasswordNothingIsCompared", noPassword},
		{"ComparedWithTheSecondary", compares},
		{"ASabotagedRepositoryFailsTheDrill", sabotage},
		{"Failover", failover},
		{"TheNewPrimaryBeats", beats},
		{"ASecondApplyChangesNothing", idempotent},
		{"InstallFromSource", fromSource},
		{"TheNextDebian", next},
		{"TheAlertFires", fires},
		{"TheNotificationLeaves", leaves},
		{"AnotherReasonIsNoNewPage", anotherReason},
		{"TheDrillCrossesTheTimelineSwitch", crosses},
		{"EveryDrillLeftEvidence", evidence},
		{"TheNewPrimaryBacksUp", newPrimary},
		{"LatestDiff", latestDiff},
		{"PromotedWhileItIsAsked", promoted},
		{"RestoreToBeforeAMistake", beforeMistake},
		{"AKilledRestoreIsResumed", killedRestore},
		{"ADamagedArchiveIsRestoredByDecision", damagedArchive},
		{"Disaster", disaster},
		{"SecretsAreNowhere", secrets},
	} {
		if !t.Run(chapter.name, func(t *testing.T) { chapter.test(t, p) }) {
			t.Fatalf("the story ends with %s", chapter.name)
		}
	}
}

// bare: the story begins on machines that nobody set up.
func bare(t *testing.T, p *production) {
	require.NoError(t, p.lab.Renew(t.Context(), t.Logf))
	p.list(t)
}

// operator writes the operator's inventory of some machines, in a directory of its own.
func operator(t *testing.T, p *production) *production {
	t.Helper()
	dir, err := os.MkdirTemp("", "vzp-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	p.inventory, p.password = filepath.Join(dir, "inventory"), filepath.Join(dir, "password")
	p.list(t)
	return p
}

// took logs what a chapter's part cost.
func took(t *testing.T, what string) func() {
	t.Helper()
	begin := time.Now()
	return func() { t.Logf("%s: %.1f s", what, time.Since(begin).Seconds()) }
}
