package drill

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/verify"
)

func TestScope_IsPublished(t *testing.T) {
	var heard recorder
	tellScope(suite.NewOut(&heard), settings.Settings{
		Repo: 2, Compare: "sets", Target: target.Target{Kind: target.Name, Name: "before"},
	})
	assert.Equal(t, map[string]string{
		"label.repo": "2", "label.compare": "sets", "label.target": "name:before",
	}, heard.values)
	heard = recorder{}
	tellScope(suite.NewOut(&heard), settings.Settings{Compare: "none"})
	assert.NotContains(t, heard.values, "label.target", "the end of the archive has no name")
}

func TestOutcomes_ArePublishedByName(t *testing.T) {
	var heard recorder
	tellOutcomes(suite.NewOut(&heard), []verify.Outcome{
		{Check: "files", Status: verify.Passed},
		{Check: "amcheck", Status: verify.LeftOut},
		{Check: "sequences", Status: verify.Passed},
		{Check: "unique_keys", Status: verify.NotAsked},
	})
	assert.Equal(t, map[string]string{
		"label.deep_passed": "files,sequences", "label.deep_left_out": "amcheck", "label.deep_not_asked": "unique_keys",
	}, heard.values)
}

// The window begins with the oldest usable set of the cluster, and not with that of the one before an upgrade.
func TestWindow_IsThatOfTheCluster(t *testing.T) {
	set := func(cluster int, stop int64) (b pgbackrest.Backup) {
		b.Database.ID, b.Timestamp.Stop = cluster, stop
		return b
	}
	var heard recorder
	sets := []pgbackrest.Backup{set(1, 100), set(2, 200), set(2, 300)}
	tellWindow(suite.NewOut(&heard), sets, sets[2])
	assert.Equal(t, map[string]string{
		"label.window_from": "1970-01-01T00:03:20Z", "label.backup_stopped": "1970-01-01T00:05:00Z",
	}, heard.values)
}
