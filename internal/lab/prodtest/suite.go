// Package prodtest is the acceptance of what an operator installs: the Ansible roles, their
// units and timers, the alert rules. It is told as one story on the lab's formation, with
// real machines from the first task to the alert that ends: each chapter is a subtest, and
// stands on those before it.
package prodtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/lab"
)

// Where things are: here, and on the drill host.
const (
	root      = "../../.."
	fixtures  = root + "/fixtures"
	textfiles = "/var/lib/node_exporter/textfile_collector"
	stanza    = "veza"
)

// production is the formation, and what the story has come to.
type production struct {
	lab       *lab.Lab
	inventory string
	password  string   // file of the vault's
	secrets   []string // of the vault

	drills  int       // that were started by their timer
	failing time.Time // since when the alert's condition holds
	moved   string    // the object that was taken away
}

// Run tells the story.
func Run(t *testing.T) {
	t.Helper()
	p := &production{}
	p.open(t)
	for _, chapter := range []struct {
		name string
		test func(*testing.T, *production)
	}{
		{"PlaceholdersAreRefusedByTheFirstTask", placeholders},
		{"CheckModeWorksBeforeTheFirstApply", checkMode},
		{"WithoutLeaveToRestartThePlayStops", noRestart},
		{"Apply", apply},
		{"ASecondApplyChangesNothing", idempotent},
		{"BackupsByTheirUnits", backups},
		{"ChecksByTheirTimer", checks},
		{"DrillByItsTimer", drill},
		{"ASabotagedRepositoryFailsTheDrill", sabotage},
		{"Failover", failover},
		{"InstallFromSource", fromSource},
		{"TheAlertFires", fires},
		{"TheDrillCrossesTheTimelineSwitch", crosses},
		{"TheNewPrimaryBacksUp", newPrimary},
		{"LatestDiff", latestDiff},
		{"Disaster", disaster},
		{"SecretsAreNowhere", secrets},
	} {
		if !t.Run(chapter.name, func(t *testing.T) { chapter.test(t, p) }) {
			t.Fatalf("the story ends with %s", chapter.name)
		}
	}
}

// open finds the lab, gives its formation back as new, and writes the operator's inventory.
func (p *production) open(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "vzp-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	p.lab, err = lab.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.lab.Renew(t.Context(), t.Logf))
	p.inventory, p.password = filepath.Join(dir, "inventory"), filepath.Join(dir, "password")
	p.secrets, err = p.lab.Inventory(t.Context(), p.inventory)
	require.NoError(t, err)
	p.encrypt(t)
}

// took logs what a chapter's part cost.
func took(t *testing.T, what string) func() {
	t.Helper()
	begin := time.Now()
	return func() { t.Logf("%s: %.1f s", what, time.Since(begin).Seconds()) }
}
