package drill

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
